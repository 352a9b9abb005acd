"""What is sent: releases, distributions and deliveries; reading and rendering a release."""
