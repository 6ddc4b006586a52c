"""Prints a dashboard as Grafana's Foundation SDK has read it: what it does not know is lost on the way."""

import json
import sys

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

register_default_plugins()
with open(sys.argv[1], encoding="utf8") as file:
    dashboard = Dashboard.from_json(json.load(file))
print(json.dumps(dashboard, cls=JSONEncoder))
