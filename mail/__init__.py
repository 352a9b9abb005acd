"""What an e-mail is: addresses, headers, messages, stencils, tokens, SMTP replies.

Pure: functions of values. Nothing here opens a socket, reads a clock or a setting, or draws
a random number; the rooms above pass these in.
"""
