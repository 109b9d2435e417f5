"""Every operation, called with the AWS SDK for Python."""

import resources
import streams
import support
from boto3_client import Boto3

API = Boto3()
globals().update(support.tests_with(API, __name__, resources, streams))


class Paging(support.Case):
    api = API

    def test_a_paginator_gets_every_channel(self):
        made = sorted(self.channel()[0] for _ in range(5))
        paginator = API.client(self.region).get_paginator("list_channels")
        pages = list(paginator.paginate(PaginationConfig={"PageSize": 2}))
        self.assertEqual([len(page["channels"]) for page in pages], [2, 2, 1])
        self.assertEqual([one["arn"] for page in pages for one in page["channels"]], made)


def tearDownModule():
    support.check_all_called(API)
