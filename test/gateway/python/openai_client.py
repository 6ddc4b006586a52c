"""OpenAI's own client: does what stdin says, [{"call": "chat.completions.create", "args": {…}}, …], against argv[1].

Prints a list: {"value": …} of each call, {"chunks": […]} of a stream, with {"error": {"class", "status", "code", "message"}}
where it raised.
"""

import json
import sys

import openai


def told(error):
    status = getattr(error, "status_code", None)
    return {
        "class": type(error).__name__,
        "status": status,
        "code": getattr(error, "code", None),
        "message": str(error),
        "retry_after": error.response.headers.get("retry-after") if status else None,
    }


def done(client, call, args):
    result = {}
    try:
        method = client
        for name in call.split("."):
            method = getattr(method, name)
        answer = method(**args)
        if args.get("stream"):
            result["chunks"] = []
            for chunk in answer:
                result["chunks"].append(chunk.model_dump())
        else:
            result["value"] = answer.model_dump()
    except openai.OpenAIError as error:
        result["error"] = told(error)
    return result


client = openai.OpenAI(base_url=sys.argv[1], api_key="sk-test", max_retries=0)
print(json.dumps([done(client, each["call"], each["args"]) for each in json.load(sys.stdin)]))
