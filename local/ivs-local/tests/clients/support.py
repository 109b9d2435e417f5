"""What the tests of both clients need; the clients themselves are in files of their own, since the
AWS CLI brings a botocore that takes the place of the other one."""

import datetime
import json
import os
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

API = os.environ["IVS_LOCAL_API"]
RTMP = os.environ["IVS_LOCAL_RTMP"]
FFMPEG = os.environ["CUEPOINT_FFMPEG"]

# How long anything may take that is waited for.
PATIENCE = 60.0

# The server is to check requests, not the client; a refusal is to be seen, not repeated; and a
# value that begins with "https://" is a value, which the AWS CLI would fetch.
_folder = tempfile.TemporaryDirectory()
_config = os.path.join(_folder.name, "config")
with open(_config, "w", encoding="utf-8") as file:
    file.write("[default]\nparameter_validation = false\ncli_follow_urlparam = false\n")
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ.update(
    AWS_CONFIG_FILE=_config,
    AWS_SHARED_CREDENTIALS_FILE=os.path.join(_folder.name, "credentials"),
    AWS_ACCESS_KEY_ID="test",
    AWS_SECRET_ACCESS_KEY="test",
    AWS_ENDPOINT_URL_IVS=API,
    AWS_MAX_ATTEMPTS="1",
    AWS_EC2_METADATA_DISABLED="true",
    NO_PROXY="127.0.0.1",
)


class Refused(Exception):
    """An error answer, with the code and the message that the client made of it."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Publisher:
    """An ffmpeg that publishes a test picture."""

    def __init__(self, stream_key):
        command = [FFMPEG, "-hide_banner", "-loglevel", "error", "-nostdin", "-re"]
        command += ["-f", "lavfi", "-i", "testsrc=size=320x180:rate=25"]
        command += ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"]
        command += ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"]
        command += ["-g", "25", "-pix_fmt", "yuv420p", "-c:a", "aac"]
        command += ["-f", "flv", f"{RTMP}/{stream_key}"]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdout=quiet, stderr=quiet)

    def stop(self):
        self._process.kill()
        self._process.wait()


def put_metadata_at_once(region, channel_arn):
    """PutMetadata without a client's slowness: whether it was admitted."""
    day = datetime.date.today().strftime("%Y%m%d")
    scope = f"Credential=test/{day}/{region}/ivs/aws4_request"
    signed = f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=00"
    body = json.dumps({"channelArn": channel_arn, "metadata": "x"}).encode()
    request = urllib.request.Request(f"{API}/PutMetadata", body, {"Authorization": signed})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        return opener.open(request, timeout=PATIENCE).status == 204
    except urllib.error.HTTPError as refused:
        if refused.code != 429:
            raise
        return False


def wait(what, done):
    """Polls until `done()` is something, which is returned."""
    end = time.monotonic() + PATIENCE
    while True:
        result = done()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"waited too long for {what}")
        time.sleep(0.1)


class Case(unittest.TestCase):
    """A test with a region of its own, so that it sees only what it made."""

    api = None  # The client, set by the file that names the tests.
    _regions = 0

    def setUp(self):
        Case._regions += 1
        self.region = f"test-{Case._regions}"

    def call(self, operation, **parameters):
        """Calls an operation; the answer must be as the service model shapes it."""
        try:
            return self.api.call(self.region, operation, **parameters)
        finally:
            problems = self.api.conformance.take_problems()
            self.assertEqual(problems, [], operation)

    def known(self, parameters):
        """Whether the client's model has all of these."""
        return self.api.newer.isdisjoint(parameters)

    def refused(self, code, operation, **parameters):
        """Calls an operation that must be refused with this code."""
        with self.assertRaises(Refused) as caught:
            self.call(operation, **parameters)
        self.assertEqual(caught.exception.code, code, operation)
        self.assertTrue(caught.exception.message, operation)

    def channel(self, **parameters):
        """Creates a channel: its ARN, and its stream key's value."""
        made = self.call("CreateChannel", **parameters)
        return made["channel"]["arn"], made["streamKey"]["value"]

    def arn(self, kind, name="missing"):
        """An ARN of this kind in this test's region."""
        return f"arn:aws:ivs:{self.region}:000000000000:{kind}/{name}"


def tests_with(api, of, *modules):
    """The tests of these modules, by name, as tests of the module `of` with its client."""
    cases = {}
    for module in modules:
        for name, case in vars(module).items():
            if isinstance(case, type) and issubclass(case, Case) and case is not Case:
                cases[name] = type(name, (case,), {"api": api, "__module__": of})
    return cases


def check_all_called(api):
    """Every operation of the model must have been called."""
    operations = api.operations()
    left = operations - api.conformance.called
    assert operations and not left, f"never called: {sorted(left)}"
