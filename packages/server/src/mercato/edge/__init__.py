"""The HTTP edge: what every request passes, whichever router or page answers it.

* *Wiring*: the parts of one process, made once from its settings; *Running* adds what its roles keep in memory.
* *Unit of work*: one request's transaction, opened before the first question and committed before the response.
* *Throttle*: how many requests an address, a caller or an organisation may make.
* *Problem*: a refusal as `application/problem+json`.
* *Page*: one slice of a list, with the cursor of the next.
* *Audited*: which news or verb an operation leaves in the audit log.
"""
