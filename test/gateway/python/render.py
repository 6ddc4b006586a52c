"""Chat templates as transformers renders them: stdin is [{"template", "messages", "values"}, …], stdout the list of prompts,
{"raised": …} where the template says no."""

import json
import sys
from datetime import datetime

import jinja2
import jinja2.ext
import jinja2.sandbox


class Raised(Exception):
    pass


def raise_exception(message):
    raise Raised(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
    trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols]
)
environment.filters["tojson"] = tojson
environment.globals["raise_exception"] = raise_exception
environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)


def render(case):
    try:
        template = environment.from_string(case["template"])
        return template.render(messages=case["messages"], tools=None, documents=None, **case["values"])
    except Raised as raised:
        return {"raised": str(raised)}


print(json.dumps([render(case) for case in json.load(sys.stdin)]))
