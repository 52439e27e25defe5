"""The verbs of `mp`: one file a noun, each with its click commands.

A new noun is a file here and one line in `mercato_cli/main.py`, under its heading. Commands import the client and the
parts that show results; nothing outside this folder but `main.py` imports a command.
"""
