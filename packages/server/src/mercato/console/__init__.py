"""The web console: pages for people, made of typed values and templates.

A page is a router that reads a room and a template in `templates/` that gets exactly what it shows. Pages run no script
of others and hold no HTML in Python.
"""
