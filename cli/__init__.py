"""The commands of `medianote`: what press officers and operators do in a terminal."""
