"""The one exception a person sees: where, what is so, what to do."""


class LabError(Exception):
    """Report a failure whose message already tells the reader what to do."""
