"""The AWS SDK for Python."""

from conformance import Conformance
from support import Refused

# After the environment that it reads, which importing `support` sets.
import boto3
from botocore import xform_name
from botocore.exceptions import ClientError


class Boto3:
    """One client for each region."""

    # Calls an operation without any parameter.
    nothing = {}
    # Fields that its model does not have yet.
    newer = frozenset()

    def __init__(self):
        self.conformance = Conformance()
        self._clients = {}

    def client(self, region):
        if region not in self._clients:
            client = boto3.session.Session(region_name=region).client("ivs")
            self.conformance.watch(client.meta.events)
            self._clients[region] = client
        return self._clients[region]

    def operations(self):
        """The names of all operations that it knows."""
        return set(self.client("us-east-1").meta.service_model.operation_names)

    def call(self, region, operation, **parameters):
        try:
            answer = getattr(self.client(region), xform_name(operation))(**parameters)
        except ClientError as error:
            told = error.response["Error"]
            raise Refused(told["Code"], told["Message"]) from error
        del answer["ResponseMetadata"]
        return answer
