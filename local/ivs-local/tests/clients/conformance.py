"""Holds every answer against the service model that botocore ships."""

import json
import re

# This server's own: Amazon IVS has no such error.
NOT_IMPLEMENTED = ("NotImplementedException", 501)


class Conformance:
    """What was called, and what was wrong with the answers."""

    def __init__(self, newer=frozenset()):
        """`newer`: fields that this client's model does not have yet."""
        self.called = set()
        self._newer = newer
        self._problems = []

    def watch(self, events):
        """Looks at every answer that a client, or a session's clients, get."""
        events.register("after-call.ivs", self._check)

    def take_problems(self):
        """The problems since the last time."""
        problems, self._problems = self._problems, []
        return problems

    def _check(self, http_response, model, **_):
        self.called.add(model.name)
        status = http_response.status_code
        if status >= 300:
            self._check_error(model, http_response)
            return
        if status != model.http.get("responseCode", 200):
            self._problems.append(f"{model.name}: status {status}")
        body = json.loads(http_response.content or "{}")
        if model.output_shape is None:
            if http_response.content:
                self._problems.append(f"{model.name}: a body where there is none")
        else:
            self._check_value(model.name, model.output_shape, body)

    def _check_error(self, model, http_response):
        code = http_response.headers["x-amzn-errortype"]
        found = (code, http_response.status_code)
        shapes = {
            shape.name: shape.metadata["error"]["httpStatusCode"] for shape in model.error_shapes
        }
        if found != NOT_IMPLEMENTED and found not in shapes.items():
            self._problems.append(f"{model.name}: no such error: {found}")
        if not json.loads(http_response.content).get("exceptionMessage"):
            self._problems.append(f"{model.name}: {code} without a message")

    def _check_value(self, where, shape, value):
        kind = shape.type_name
        expected = {
            "structure": dict,
            "map": dict,
            "list": list,
            "string": str,
            "timestamp": str,
            "boolean": bool,
            "integer": int,
            "long": int,
        }[kind]
        if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
            self._problems.append(f"{where}: not a {kind}: {value!r}")
        elif kind == "structure":
            self._check_structure(where, shape, value)
        elif kind == "list":
            for item in value:
                self._check_value(f"{where}[]", shape.member, item)
        elif kind == "map":
            for key, item in value.items():
                self._check_value(f"{where} key", shape.key, key)
                self._check_value(f"{where}.{key}", shape.value, item)
        elif kind == "string":
            self._check_string(where, shape, value)

    def _check_structure(self, where, shape, value):
        members = {
            member.serialization.get("name", name): member
            for name, member in shape.members.items()
            if "location" not in member.serialization
        }
        for name in set(value) - set(members) - self._newer:
            self._problems.append(f"{where}: not in the model: {name}")
        for name in set(shape.required_members) - set(value):
            self._problems.append(f"{where}: missing: {name}")
        for name in set(value) & set(members):
            self._check_value(f"{where}.{name}", members[name], value[name])

    def _check_string(self, where, shape, value):
        # "" stands for "none" in some fields whose enumeration or length leaves it out: the
        # model's own text says so of `preset`.
        if shape.enum and value not in [*shape.enum, ""]:
            self._problems.append(f"{where}: {value!r} is none of {shape.enum}")
        limits = shape.metadata
        if not limits.get("min", 0) <= len(value) <= limits.get("max", len(value)):
            self._problems.append(f"{where}: {len(value)} characters")
        pattern = limits.get("pattern", "")
        # Python has no classes of Unicode properties, which only tags use.
        if r"\p{" not in pattern and pattern and not re.fullmatch(pattern, value):
            # The model's pattern of any resource's ARN has room for one letter of its kind.
            if shape.name != "ResourceArn":
                self._problems.append(f"{where}: {value!r} is not like {pattern}")
