"""Live streams and what can be done to them, revocation, and what is not implemented."""

from resources import CONFLICT, INVALID, MISSING, NOT_FOUND
from support import Case, Publisher, Refused, put_metadata_at_once, wait

OFFLINE = "ChannelNotBroadcasting"
THROTTLED = "ThrottlingException"

# Operations of the model that this server leaves out.
LEFT_OUT = {
    *(f"{verb}AdConfiguration" for verb in ("Create", "Get", "Update", "Delete")),
    *(f"{verb}FailoverSlateConfiguration" for verb in ("Create", "Get", "Update", "Delete")),
    *(f"{verb}RecordingConfiguration" for verb in ("Create", "Get", "Delete")),
    "ListAdConfigurations",
    "ListFailoverSlateConfigurations",
    "ListRecordingConfigurations",
    "InsertAdBreak",
}


class LiveStream(Case):
    def setUp(self):
        super().setUp()
        self.arn_of_channel, key = self.channel(name="live")
        publisher = Publisher(key)
        self.addCleanup(publisher.stop)
        wait("the stream to be live", self._stream)

    def _stream(self):
        try:
            return self.call("GetStream", channelArn=self.arn_of_channel)["stream"]
        except Refused as refused:
            if refused.code != OFFLINE:
                raise
            return None

    def test_a_stream_is_seen_fed_and_stopped(self):
        arn = self.arn_of_channel
        stream = self._stream()
        self.assertEqual((stream["state"], stream["viewerCount"]), ("LIVE", 0))
        channel = self.call("GetChannel", arn=arn)["channel"]
        self.assertEqual(stream["playbackUrl"], channel["playbackUrl"])

        listed = self.call("ListStreams")["streams"]
        self.assertEqual([one["streamId"] for one in listed], [stream["streamId"]])
        healthy = self.call("ListStreams", filterBy={"health": "HEALTHY"})["streams"]
        starving = self.call("ListStreams", filterBy={"health": "STARVING"})["streams"]
        self.assertEqual(len(healthy) + len(starving), 1)
        self.refused(INVALID, "ListStreams", filterBy={"health": "GOOD"})
        self.refused(INVALID, "ListStreams", maxResults=101)

        sessions = self.call("ListStreamSessions", channelArn=arn)["streamSessions"]
        self.assertEqual([one["streamId"] for one in sessions], [stream["streamId"]])
        self.assertNotIn("endTime", sessions[0])
        session = self.call("GetStreamSession", channelArn=arn)["streamSession"]
        self.assertEqual(session["streamId"], stream["streamId"])
        self.assertEqual(session["channel"]["arn"], arn)

        self.assertEqual(self.call("PutMetadata", channelArn=arn, metadata='{"a": "ü"}'), {})
        self.call("PutMetadata", channelArn=arn, metadata="ü" * 512)
        self.refused(INVALID, "PutMetadata", channelArn=arn, metadata="ü" * 513)
        self.refused(INVALID, "PutMetadata", channelArn=arn, metadata="")

        self.refused(CONFLICT, "UpdateChannel", arn=arn, name="new")
        self.refused(CONFLICT, "DeleteChannel", arn=arn)

        self.assertEqual(self.call("StopStream", channelArn=arn), {})
        self.refused(OFFLINE, "StopStream", channelArn=arn)

        def ended():
            session = self.call(
                "GetStreamSession", channelArn=arn, streamId=stream["streamId"]
            )
            return "endTime" in session["streamSession"]

        wait("the session to end", ended)
        wait("the channel to be free", self._update)

    def _update(self):
        try:
            return self.call("UpdateChannel", arn=self.arn_of_channel, name="new")
        except Refused as refused:
            # The publisher's connection is being closed.
            self.assertEqual(refused.code, CONFLICT)
            return None

    def test_more_than_five_tags_a_second_are_throttled(self):
        def throttled():
            """Uses the second up, so that the client comes too early if it is fast enough."""
            while put_metadata_at_once(self.region, self.arn_of_channel):
                pass
            try:
                self.call("PutMetadata", channelArn=self.arn_of_channel, metadata="y")
            except Refused as refused:
                return refused.code

        self.assertEqual(wait("a call to be throttled", throttled), THROTTLED)

        def admitted():
            try:
                self.call("PutMetadata", channelArn=self.arn_of_channel, metadata="z")
            except Refused as refused:
                self.assertEqual(refused.code, THROTTLED)
                return False
            return True

        wait("the second to pass", admitted)


class NoStream(Case):
    def test_errors(self):
        arn, _ = self.channel()
        for operation, rest in (
            ("GetStream", {}),
            ("StopStream", {}),
            ("PutMetadata", {"metadata": "x"}),
        ):
            self.refused(OFFLINE, operation, channelArn=arn, **rest)
            self.refused(NOT_FOUND, operation, channelArn=self.arn("channel"), **rest)
            self.refused(INVALID, operation, channelArn="x", **rest)
        self.refused(NOT_FOUND, "GetStreamSession", channelArn=arn)
        self.refused(INVALID, "GetStreamSession", channelArn=arn, streamId="st-1")
        for operation in ("GetStreamSession", "ListStreamSessions"):
            self.refused(NOT_FOUND, operation, channelArn=self.arn("channel"))
            self.refused(INVALID, operation, channelArn="x")
        self.assertEqual(self.call("ListStreamSessions", channelArn=arn), {"streamSessions": []})
        self.assertEqual(self.call("ListStreams"), {"streams": []})


class Revocation(Case):
    def test_one_viewer(self):
        arn, _ = self.channel()
        one = {"channelArn": arn, "viewerId": "v"}
        versions = {"viewerSessionVersionsLessThanOrEqualTo": 3}
        self.assertEqual(self.call("StartViewerSessionRevocation", **one), {})
        self.assertEqual(self.call("StartViewerSessionRevocation", **one, **versions), {})
        missing = {"channelArn": self.arn("channel"), "viewerId": "v"}
        self.refused(NOT_FOUND, "StartViewerSessionRevocation", **missing)
        for wrong in (
            {"channelArn": "x", "viewerId": "v"},
            {"channelArn": arn, "viewerId": "v" * 41},
            {"channelArn": arn, "viewerId": ""},
            {**one, "viewerSessionVersionsLessThanOrEqualTo": -1},
        ):
            self.refused(INVALID, "StartViewerSessionRevocation", **wrong)

    def test_many_viewers(self):
        arn, _ = self.channel()
        known = {"channelArn": arn, "viewerId": "v", "viewerSessionVersionsLessThanOrEqualTo": 1}
        missing = {"channelArn": self.arn("channel"), "viewerId": "w"}
        started = self.call("BatchStartViewerSessionRevocation", viewerSessions=[known, missing])
        [error] = started["errors"]
        self.assertEqual(error["code"], NOT_FOUND)
        self.assertEqual({name: error[name] for name in missing}, missing)
        both = [known, {"channelArn": "x", "viewerId": "v"}]
        self.refused(INVALID, "BatchStartViewerSessionRevocation", viewerSessions=both)
        many = [{"channelArn": arn, "viewerId": str(n)} for n in range(21)]
        self.refused(INVALID, "BatchStartViewerSessionRevocation", viewerSessions=many)
        started = self.call("BatchStartViewerSessionRevocation", viewerSessions=many[:20])
        self.assertEqual(started["errors"], [])


class LeftOut(Case):
    def test_what_is_not_implemented_says_so(self):
        for operation in sorted(LEFT_OUT & self.api.operations()):
            with self.subTest(operation):
                self.refused(MISSING, operation, **self.api.nothing)
