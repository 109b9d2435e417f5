"""Channels, stream keys, playback key pairs, playback restriction policies and tags."""

from support import API, Case

NOT_FOUND = "ResourceNotFoundException"
INVALID = "ValidationException"
CONFLICT = "ConflictException"
QUOTA = "ServiceQuotaExceededException"
MISSING = "NotImplementedException"

# Public halves of P-384 key pairs whose private halves nobody has.
PUBLIC_KEYS = [
    f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"
    for body in (
        "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEpCxjDI96QiA8NNvfIWsV2LiPCQMwdcoF\n"
        "8sR+InYGuAGd1iXcZbSfJG3e6zYqaHugzZzaCJebaprAjo0UP9N0cWxyJWsv4+A7\n"
        "zwKEcoqQKBroQZp9bTyExbYfW8vGN/C4",
        "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE4s90g1ELYXiFE4HXgwqEvdXNlDow7V+0\n"
        "kTWMxQEudIWy5zDTOBlJAHz79zeqES7wX1wP2sVtWXgfl+e1705POaeXp3HCImzK\n"
        "loiEaxuvJm93sXMIMmP7414rfAbDS5gK",
        "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE2okWWqfId4b6YvlDejQt/usnwZEa0wac\n"
        "uW9vusrl9urvdkjfx55d+pC2GNTsu/cBEx09pBV+qVWgPfQea6CuHOJNZYXJ5C5g\n"
        "8hSTOHWwXtsw73zM9VILoeWuHmcoJIJN",
        "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE0IF4iaIrtLwEF12Dm/xq0s/uTpxHzMpZ\n"
        "8C2NxZn5DRhcpLxHl+9zALI1i/+mJDFCnV/7cpT+eM2qG8Q3jD7J81ikzuEmd8Dp\n"
        "Gid3kmclrN9PQuLaUD4wmvmYSczuWe/O",
    )
]


class Channels(Case):
    def test_a_channel_has_the_defaults_of_the_model(self):
        made = self.call("CreateChannel")
        channel, key = made["channel"], made["streamKey"]
        arn = channel["arn"]
        self.assertTrue(arn.startswith(self.arn("channel", "")))
        name = arn.rpartition("/")[2]
        file = f"{self.region}.000000000000.channel.{name}.m3u8"
        self.assertEqual(channel.pop("playbackUrl"), f"{API}/api/video/v1/{file}")
        self.assertRegex(channel.pop("ingestEndpoint"), r"^127\.0\.0\.1:\d+$")
        multitrack = {"enabled": False, "maximumResolution": "FULL_HD", "policy": "ALLOW"}
        expected = {
            "arn": arn,
            "name": "",
            "latencyMode": "LOW",
            "type": "STANDARD",
            "preset": "",
            "authorized": False,
            "insecureIngest": False,
            "containerFormat": "TS",
            "recordingConfigurationArn": "",
            "playbackRestrictionPolicyArn": "",
            "failoverSlateConfigurationArn": "",
            "multitrackInputConfiguration": multitrack,
            "tags": {},
        }
        expected = {name: expected[name] for name in set(expected) - self.api.newer}
        self.assertEqual(channel, expected)
        self.assertEqual(key["channelArn"], arn)
        self.assertTrue(key["value"].startswith(f"sk_{self.region}_"))
        got = self.call("GetChannel", arn=arn)["channel"]
        self.assertEqual({name: got[name] for name in expected}, expected)

    def test_a_channel_is_created_and_updated_as_told(self):
        told = {
            "name": "show_1-a",
            "latencyMode": "NORMAL",
            "type": "ADVANCED_HD",
            "preset": "CONSTRAINED_BANDWIDTH_DELIVERY",
            "authorized": True,
            "insecureIngest": True,
            "containerFormat": "TS",
        }
        channel = self.call("CreateChannel", **told, tags={"team": "a b"})["channel"]
        self.assertEqual({name: channel[name] for name in told}, told)
        self.assertEqual(channel["tags"], {"team": "a b"})
        changed = {
            "name": "",
            "latencyMode": "LOW",
            "type": "BASIC",
            "authorized": False,
            "insecureIngest": False,
        }
        updated = self.call("UpdateChannel", arn=channel["arn"], **changed)["channel"]
        self.assertEqual(updated, {**channel, **changed, "preset": ""})
        got = self.call("GetChannel", arn=channel["arn"])["channel"]
        self.assertEqual(got, updated)

    def test_wrong_values_are_refused(self):
        arn, _ = self.channel()
        for wrong in [
            {"name": "a b"},
            {"name": "a" * 129},
            {"latencyMode": "FAST"},
            {"type": "HUGE"},
            {"preset": "NONE"},
            {"preset": "HIGHER_BANDWIDTH_DELIVERY"},
            {"containerFormat": "MP3"},
            {"playbackRestrictionPolicyArn": arn},
        ]:
            self.refused(INVALID, "CreateChannel", **wrong)
            self.refused(INVALID, "UpdateChannel", arn=arn, **wrong)
        self.refused(INVALID, "CreateChannel", tags={"aws:k": "v"})
        policy = self.arn("playback-restriction-policy")
        self.refused(NOT_FOUND, "CreateChannel", playbackRestrictionPolicyArn=policy)
        self.refused(NOT_FOUND, "UpdateChannel", arn=arn, playbackRestrictionPolicyArn=policy)
        self.assertEqual(len(self.call("ListChannels")["channels"]), 1)

    def test_what_is_not_there_says_so(self):
        arn, _ = self.channel()
        multitrack = {"enabled": True, "maximumResolution": "HD", "policy": "ALLOW"}
        for asked in [
            {"recordingConfigurationArn": self.arn("recording-configuration")},
            {"adConfigurationArn": self.arn("ad-configuration")},
            {"failoverSlateConfigurationArn": self.arn("failover-slate-configuration")},
            {"containerFormat": "FRAGMENTED_MP4"},
            {"multitrackInputConfiguration": multitrack},
        ]:
            if self.known(asked):
                self.refused(MISSING, "CreateChannel", **asked)
                self.refused(MISSING, "UpdateChannel", arn=arn, **asked)

    def test_channels_are_listed_by_filter_and_page(self):
        policy = self.call("CreatePlaybackRestrictionPolicy")["playbackRestrictionPolicy"]["arn"]
        arns = [self.channel(name=name)[0] for name in ("a", "b", "b")]
        arns.append(self.channel(playbackRestrictionPolicyArn=policy)[0])

        def listed(**parameters):
            return [channel["arn"] for channel in self.call("ListChannels", **parameters)["channels"]]

        self.assertEqual(listed(), sorted(arns))
        self.assertEqual(listed(filterByName="b"), sorted(arns[1:3]))
        self.assertEqual(listed(filterByPlaybackRestrictionPolicyArn=policy), arns[3:])
        for kind in ("recording-configuration", "ad-configuration", "failover-slate-configuration"):
            name = "".join(word.capitalize() for word in kind.split("-"))
            other = {f"filterBy{name}Arn": self.arn(kind)}
            if self.known(other):
                self.assertEqual(listed(**other), [])
        first = self.call("ListChannels", maxResults=3)
        rest = self.call("ListChannels", maxResults=3, nextToken=first["nextToken"])
        pages = [channel["arn"] for channel in first["channels"] + rest["channels"]]
        self.assertEqual(pages, sorted(arns))
        self.assertNotIn("nextToken", rest)
        both = {"filterByName": "b", "filterByPlaybackRestrictionPolicyArn": policy}
        self.refused(CONFLICT, "ListChannels", **both)
        for wrong in [
            {"maxResults": 0},
            {"maxResults": 101},
            {"nextToken": "!"},
            {"filterByName": "a b"},
            {"filterByPlaybackRestrictionPolicyArn": arns[0]},
            {"filterByRecordingConfigurationArn": "x"},
        ]:
            self.refused(INVALID, "ListChannels", **wrong)

    def test_channels_are_got_at_once(self):
        arn, _ = self.channel(name="a")
        missing = self.arn("channel")
        got = self.call("BatchGetChannel", arns=[arn, missing])
        self.assertEqual(got["channels"], [self.call("GetChannel", arn=arn)["channel"]])
        self.assertEqual([(e["arn"], e["code"]) for e in got["errors"]], [(missing, NOT_FOUND)])
        self.refused(INVALID, "BatchGetChannel", arns=[arn, "x"])
        self.refused(INVALID, "BatchGetChannel", arns=[arn] * 51)

    def test_a_deleted_channel_is_gone_with_its_key(self):
        made = self.call("CreateChannel")
        arn, key = made["channel"]["arn"], made["streamKey"]["arn"]
        self.assertEqual(self.call("DeleteChannel", arn=arn), {})
        for operation in ("GetChannel", "DeleteChannel", "UpdateChannel"):
            self.refused(NOT_FOUND, operation, arn=arn)
            self.refused(INVALID, operation, arn="channel")
        self.refused(NOT_FOUND, "GetStreamKey", arn=key)


class StreamKeys(Case):
    def test_a_channel_has_one_key_at_a_time(self):
        arn, value = self.channel()
        self.refused(QUOTA, "CreateStreamKey", channelArn=arn)
        listed = self.call("ListStreamKeys", channelArn=arn)["streamKeys"]
        key = listed[0]["arn"]
        self.assertEqual(listed, [{"arn": key, "channelArn": arn, "tags": {}}])
        whole = {**listed[0], "value": value}
        self.assertEqual(self.call("GetStreamKey", arn=key)["streamKey"], whole)
        missing = self.arn("stream-key")
        got = self.call("BatchGetStreamKey", arns=[missing, key])
        self.assertEqual(got["streamKeys"], [whole])
        self.assertEqual([(e["arn"], e["code"]) for e in got["errors"]], [(missing, NOT_FOUND)])
        self.assertEqual(self.call("DeleteStreamKey", arn=key), {})
        self.assertEqual(self.call("ListStreamKeys", channelArn=arn)["streamKeys"], [])
        new = self.call("CreateStreamKey", channelArn=arn, tags={"k": "v"})["streamKey"]
        self.assertNotEqual(new["value"], value)
        self.assertEqual(new["tags"], {"k": "v"})

    def test_errors(self):
        arn, _ = self.channel()
        for operation in ("GetStreamKey", "DeleteStreamKey"):
            self.refused(NOT_FOUND, operation, arn=self.arn("stream-key"))
            self.refused(INVALID, operation, arn=arn)
        for operation in ("CreateStreamKey", "ListStreamKeys"):
            self.refused(NOT_FOUND, operation, channelArn=self.arn("channel"))
            self.refused(INVALID, operation, channelArn="x")
        self.refused(INVALID, "CreateStreamKey", channelArn=arn, tags={"a;b": "v"})
        self.refused(INVALID, "ListStreamKeys", channelArn=arn, maxResults=51)
        self.refused(INVALID, "BatchGetStreamKey", arns=[arn])


class KeyPairs(Case):
    def test_keys_are_imported_once_and_at_most_three(self):
        def imported(key, **parameters):
            return self.call("ImportPlaybackKeyPair", publicKeyMaterial=key, **parameters)["keyPair"]

        pair = imported(PUBLIC_KEYS[0], name="a", tags={"k": "v"})
        self.assertEqual((pair["name"], pair["tags"]), ("a", {"k": "v"}))
        self.assertRegex(pair["fingerprint"], "^([0-9a-f]{2}:){15}[0-9a-f]{2}$")
        self.assertEqual(self.call("GetPlaybackKeyPair", arn=pair["arn"])["keyPair"], pair)
        self.refused(CONFLICT, "ImportPlaybackKeyPair", publicKeyMaterial=PUBLIC_KEYS[0])
        imported(PUBLIC_KEYS[1])
        imported(PUBLIC_KEYS[2])
        self.refused(QUOTA, "ImportPlaybackKeyPair", publicKeyMaterial=PUBLIC_KEYS[3])
        listed = self.call("ListPlaybackKeyPairs")["keyPairs"]
        self.assertEqual(len(listed), 3)
        del pair["fingerprint"]
        self.assertIn(pair, listed)
        self.assertEqual(self.call("DeletePlaybackKeyPair", arn=pair["arn"]), {})
        self.refused(NOT_FOUND, "DeletePlaybackKeyPair", arn=pair["arn"])
        self.refused(NOT_FOUND, "GetPlaybackKeyPair", arn=pair["arn"])
        imported(PUBLIC_KEYS[3])

    def test_errors(self):
        wrong_name = {"publicKeyMaterial": PUBLIC_KEYS[0], "name": "a b"}
        self.refused(INVALID, "ImportPlaybackKeyPair", **wrong_name)
        self.refused(INVALID, "ImportPlaybackKeyPair", publicKeyMaterial="key")
        for operation in ("GetPlaybackKeyPair", "DeletePlaybackKeyPair"):
            self.refused(INVALID, operation, arn="x")
        self.refused(INVALID, "ListPlaybackKeyPairs", maxResults=101)


class Policies(Case):
    def test_a_policy_is_attached_changed_and_detached(self):
        told = {
            "name": "home",
            "allowedCountries": ["AT", "CH"],
            "allowedOrigins": ["https://show.example", "https://*.example"],
            "enableStrictOriginEnforcement": True,
        }
        made = self.call("CreatePlaybackRestrictionPolicy", **told, tags={"k": "v"})
        policy = made["playbackRestrictionPolicy"]
        arn = policy["arn"]
        self.assertEqual(policy, {**told, "arn": arn, "tags": {"k": "v"}})
        self.assertTrue(arn.startswith(self.arn("playback-restriction-policy", "")))
        channel, _ = self.channel(playbackRestrictionPolicyArn=arn)
        changed = {"allowedCountries": ["LI"], "enableStrictOriginEnforcement": False}
        updated = self.call("UpdatePlaybackRestrictionPolicy", arn=arn, **changed)
        self.assertEqual(updated["playbackRestrictionPolicy"], {**policy, **changed})
        got = self.call("GetPlaybackRestrictionPolicy", arn=arn)
        self.assertEqual(got, updated)
        self.refused(CONFLICT, "DeletePlaybackRestrictionPolicy", arn=arn)
        detached = self.call("UpdateChannel", arn=channel, playbackRestrictionPolicyArn="")
        self.assertEqual(detached["channel"]["playbackRestrictionPolicyArn"], "")
        self.assertEqual(self.call("DeletePlaybackRestrictionPolicy", arn=arn), {})
        self.refused(NOT_FOUND, "GetPlaybackRestrictionPolicy", arn=arn)

    def test_policies_are_listed_one_a_page_by_default(self):
        made = [self.call("CreatePlaybackRestrictionPolicy") for _ in range(3)]
        arns = sorted(policy["playbackRestrictionPolicy"]["arn"] for policy in made)
        name = "playbackRestrictionPolicies"
        page = self.call("ListPlaybackRestrictionPolicies")
        self.assertEqual([policy["arn"] for policy in page[name]], arns[:1])
        token = page["nextToken"]
        page = self.call("ListPlaybackRestrictionPolicies", nextToken=token, maxResults=100)
        self.assertEqual([policy["arn"] for policy in page[name]], arns[1:])
        self.assertNotIn("nextToken", page)

    def test_errors(self):
        missing = self.arn("playback-restriction-policy")
        for operation in ("Get", "Update", "Delete"):
            self.refused(NOT_FOUND, f"{operation}PlaybackRestrictionPolicy", arn=missing)
            self.refused(INVALID, f"{operation}PlaybackRestrictionPolicy", arn="x")
        made = self.call("CreatePlaybackRestrictionPolicy")["playbackRestrictionPolicy"]
        for wrong in [
            {"name": "a b"},
            {"allowedCountries": ["XX"]},
            {"allowedCountries": ["at"]},
            {"allowedOrigins": ["https://" + "a" * 121]},
        ]:
            self.refused(INVALID, "CreatePlaybackRestrictionPolicy", **wrong)
            self.refused(INVALID, "UpdatePlaybackRestrictionPolicy", arn=made["arn"], **wrong)
        self.refused(INVALID, "ListPlaybackRestrictionPolicies", maxResults=0)
        for _ in range(19):
            self.call("CreatePlaybackRestrictionPolicy")
        self.refused(QUOTA, "CreatePlaybackRestrictionPolicy")


class Tags(Case):
    def test_every_resource_has_tags(self):
        made = self.call("CreateChannel")
        policy = self.call("CreatePlaybackRestrictionPolicy")["playbackRestrictionPolicy"]
        pair = self.call("ImportPlaybackKeyPair", publicKeyMaterial=PUBLIC_KEYS[0])["keyPair"]
        for resource in (made["channel"], made["streamKey"], policy, pair):
            arn = resource["arn"]
            self.assertEqual(self.call("ListTagsForResource", resourceArn=arn), {"tags": {}})
            tags = {"a": "1", "b c": "ü/=", "d": ""}
            self.assertEqual(self.call("TagResource", resourceArn=arn, tags=tags), {})
            self.call("TagResource", resourceArn=arn, tags={"a": "2"})
            expected = {**tags, "a": "2"}
            self.assertEqual(self.call("ListTagsForResource", resourceArn=arn)["tags"], expected)
            keys = ["b c", "d", "none"]
            self.assertEqual(self.call("UntagResource", resourceArn=arn, tagKeys=keys), {})
            got = self.call("ListTagsForResource", resourceArn=arn)
            self.assertEqual(got, {"tags": {"a": "2"}})
        channel = self.call("GetChannel", arn=made["channel"]["arn"])["channel"]
        self.assertEqual(channel["tags"], {"a": "2"})

    def test_errors(self):
        arn, _ = self.channel()
        for wrong in ({"aws:k": "v"}, {"k" * 129: "v"}, {"k": "v" * 257}, {"k": "a;b"}):
            self.refused(INVALID, "TagResource", resourceArn=arn, tags=wrong)
        self.call("TagResource", resourceArn=arn, tags={str(n): "" for n in range(50)})
        self.refused(INVALID, "TagResource", resourceArn=arn, tags={"more": ""})
        self.refused(INVALID, "UntagResource", resourceArn=arn, tagKeys=["a;b"])
        for operation, rest in (
            ("ListTagsForResource", {}),
            ("TagResource", {"tags": {"k": "v"}}),
            ("UntagResource", {"tagKeys": ["k"]}),
        ):
            for kind in ("channel", "stream-key", "ad-configuration"):
                self.refused(NOT_FOUND, operation, resourceArn=self.arn(kind), **rest)
            self.refused(INVALID, operation, resourceArn="x", **rest)
