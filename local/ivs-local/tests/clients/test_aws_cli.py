"""Every operation, called with the AWS CLI."""

import json
import os
import subprocess
import sys

import resources
import streams
import support
from aws_cli_client import AwsCli

API = AwsCli()
globals().update(support.tests_with(API, __name__, resources, streams))


class Program(support.Case):
    """The program itself, as it is typed."""

    api = API

    def run_aws(self, *arguments):
        aws = os.path.join(os.path.dirname(sys.executable), "aws")
        command = [aws, "ivs", *arguments, "--region", self.region, "--output", "json"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_pages_are_put_together(self):
        made = sorted(self.channel()[0] for _ in range(3))
        listed = self.run_aws("list-channels", "--page-size", "2")
        self.assertEqual(listed.returncode, 0, listed.stderr)
        channels = json.loads(listed.stdout)["channels"]
        self.assertEqual([channel["arn"] for channel in channels], made)

    def test_an_error_is_told(self):
        refused = self.run_aws("get-channel", "--arn", self.arn("channel"))
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("(ResourceNotFoundException)", refused.stderr)
        self.assertIn("does not exist", refused.stderr)


def tearDownModule():
    support.check_all_called(API)
