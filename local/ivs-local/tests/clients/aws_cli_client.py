"""The AWS CLI."""

import contextlib
import io
import json
import re

from conformance import Conformance
from support import Refused

# After the environment that it reads, which importing `support` sets. It brings its own botocore.
import awscli.clidriver
from awscli.botocore import xform_name


class AwsCli:
    """The AWS CLI, run inside this process: starting it anew takes a second each time."""

    # Calls an operation without any parameter, also those that it requires.
    nothing = {"cliInputJson": "{}"}
    # Fields that its model, which is older than boto3's, does not have yet.
    newer = frozenset({"failoverSlateConfigurationArn", "filterByFailoverSlateConfigurationArn"})

    def __init__(self):
        self.conformance = Conformance(self.newer)
        self._driver = awscli.clidriver.create_clidriver()
        self.conformance.watch(self._driver.session)

    def operations(self):
        """The names of all operations that it knows."""
        return set(self._driver.session.get_service_model("ivs").operation_names)

    def call(self, region, operation, **parameters):
        command = ["ivs", xform_name(operation, "-"), "--region", region, "--output", "json"]
        for name, value in parameters.items():
            command += self._option("--" + xform_name(name, "-"), value)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = self._driver.main(command)
        if code != 0:
            told = re.search(r"occurred \((\w+)\) when .*? operation[^:]*: (.*)", err.getvalue())
            if told is None:
                raise AssertionError(f"{' '.join(command)}: {code}\n{err.getvalue()}")
            raise Refused(*told.groups())
        return json.loads(out.getvalue() or "{}")

    @staticmethod
    def _option(option, value):
        if isinstance(value, bool):
            return [option if value else option.replace("--", "--no-", 1)]
        if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
            return [option, *value]
        return [option, value if isinstance(value, str) else json.dumps(value)]
