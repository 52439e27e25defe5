"""The web console: pages for people, made of typed values and templates.

* *Visit*: one request of a browser, with the person, time zone and path behind it.
* *Page*: a frozen dataclass with everything that one template shows, complete before it is rendered.
* *Shell*: the frame around a page: navigation, notices, who is signed in.
* *Area*: links under one heading of the navigation, such as those of vendors.
* *Part*: a macro in `parts.html`. Pages run no script of others and hold no HTML in Python.
"""
