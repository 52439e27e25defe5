"""Runs what a driver names and says how each ended: `{"value": …}` or the exception that the client raised."""


def outcomes(operations, task):
    """Each operation that the task asks for is run once; one that fails does not end the others."""
    found = {}
    for name, run in operations(task).items():
        if name not in task["operations"]:
            continue
        try:
            found[name] = {"value": run()}
        except Exception as error:
            kinds = [f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(error).__mro__]
            status = getattr(error, "status_code", None)
            found[name] = {"raised": kinds, "status": status, "message": str(error)[:500]}
    return found
