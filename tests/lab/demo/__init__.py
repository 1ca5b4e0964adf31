"""The demo: real requests to a real model while good and bad versions of it are rolled out.

`traffic` asks, `watch` looks at the API server, `scenario` is the script, `report` turns what
was recorded into numbers (pure), `words` into sentences (pure), `picture` draws it, `screen`
shows it live. Started by `python -m lab.demo` inside `python -m lab run`.
"""
