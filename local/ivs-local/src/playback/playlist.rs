//! HLS playlists of a broadcast, written by `m3u8-rs`.

use std::io::Write;
use std::sync::Arc;

use m3u8_rs::{MasterPlaylist, MediaPlaylist, MediaSegment, Resolution, VariantStream};

use crate::broadcast::Rendition;
use crate::packaging::track::Track;
use crate::packaging::window::Listing;

/// RFC 6381 name of AAC-LC, which the transcoder makes of any audio.
const AUDIO_CODEC: &str = "mp4a.40.2";

/// The multivariant playlist of these tracks: media playlists are `PLAYLISTS/NUMBER.m3u8`.
pub(super) fn multivariant(tracks: &[(Arc<Track>, Rendition)], playlists: &str) -> Vec<u8> {
    let variants = tracks.iter().map(|(track, rendition)| VariantStream {
        uri: format!("{playlists}/{}.m3u8", track.number),
        bandwidth: track.peak_bandwidth().max(1),
        codecs: codecs(rendition),
        resolution: rendition.resolution.map(|(width, height)| Resolution {
            width: width.into(),
            height: height.into(),
        }),
        ..VariantStream::default()
    });
    let playlist = MasterPlaylist {
        version: Some(3),
        independent_segments: true,
        variants: variants.collect(),
        ..MasterPlaylist::default()
    };
    written(|out| playlist.write_to(out))
}

/// The media playlist: segments are `SEGMENTS/NUMBER.ts`.
///
/// With `low_latency` it also announces the segment being written and the one after it, as Amazon
/// IVS does: its players fetch them while they grow, other players skip the unknown tag.
pub(super) fn media(listing: &Listing, segments: &str, low_latency: bool) -> Vec<u8> {
    let announced = match low_latency && !listing.ended {
        true => listing.open..listing.open + 2,
        false => 0..0,
    };
    let announced: String = announced
        .map(|number| format!("#EXT-X-PREFETCH:{segments}/{number}.ts\n"))
        .collect();
    let segments = listing
        .durations
        .iter()
        .zip(listing.first..)
        .map(|(duration, number)| MediaSegment {
            uri: format!("{segments}/{number}.ts"),
            duration: duration.as_secs_f32(),
            ..MediaSegment::empty()
        });
    let playlist = MediaPlaylist {
        version: Some(3),
        target_duration: listing.target_seconds,
        media_sequence: listing.first,
        segments: segments.collect(),
        end_list: listing.ended,
        independent_segments: true,
        ..MediaPlaylist::default()
    };
    written(|out| {
        playlist.write_to(out)?;
        out.write_all(announced.as_bytes())
    })
}

/// Every codec of the rendition, or nothing: a list with a gap would mislead a player.
fn codecs(rendition: &Rendition) -> Option<String> {
    let video = rendition.video_codec.clone()?;
    Some(if rendition.audio {
        format!("{video},{AUDIO_CODEC}")
    } else {
        video
    })
}

fn written(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out).expect("a Vec takes everything that is written to it");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use bytes::Bytes;

    use crate::packaging::segmenter::Step;

    #[test]
    fn the_multivariant_playlist_names_every_rendition() {
        let rendition = Rendition {
            video_codec: Some("avc1.42c01e".into()),
            audio: true,
            resolution: Some((640, 360)),
        };
        let tracks: Vec<_> = (0..2)
            .map(|number| (Arc::new(Track::new(number, None)), rendition.clone()))
            .collect();
        tracks[1].0.apply(vec![
            Step::Begin,
            Step::Append(Bytes::from(vec![0; 1000])),
            Step::End(Duration::from_secs(2)),
        ]);
        let text = multivariant(&tracks, "/x/abc");
        let (rest, playlist) = m3u8_rs::parse_master_playlist(&text).unwrap();
        assert!(rest.is_empty());
        let [source, variant] = &playlist.variants[..] else {
            panic!("{playlist:?}")
        };
        assert_eq!(source.uri, "/x/abc/0.m3u8");
        assert_eq!(variant.uri, "/x/abc/1.m3u8");
        assert_eq!(variant.bandwidth, 4_000);
        assert_eq!(variant.codecs.as_deref(), Some("avc1.42c01e,mp4a.40.2"));
        assert_eq!(
            variant.resolution,
            Some(Resolution {
                width: 640,
                height: 360
            })
        );
    }

    fn listing() -> Listing {
        Listing {
            first: 7,
            durations: vec![Duration::from_millis(1_001), Duration::from_millis(980)],
            open: 9,
            target_seconds: 1,
            ended: false,
        }
    }

    fn text(listing: &Listing, low_latency: bool) -> String {
        String::from_utf8(media(listing, "/s/abc", low_latency)).unwrap()
    }

    #[test]
    fn the_media_playlist_numbers_its_segments() {
        let text = text(&listing(), false);
        for line in [
            "#EXT-X-TARGETDURATION:1",
            "#EXT-X-MEDIA-SEQUENCE:7",
            "#EXTINF:1.001,",
            "/s/abc/7.ts",
            "#EXTINF:0.98,",
            "/s/abc/8.ts",
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{line} is not in\n{text}"
            );
        }
        assert!(!text.contains("ENDLIST") && !text.contains("PREFETCH"));
    }

    #[test]
    fn low_latency_announces_the_open_segment_and_the_next_behind_the_last() {
        let text = text(&listing(), true);
        let ending = "/s/abc/8.ts\n#EXT-X-PREFETCH:/s/abc/9.ts\n#EXT-X-PREFETCH:/s/abc/10.ts\n";
        assert!(text.ends_with(ending), "{text}");
    }

    #[test]
    fn a_stream_that_has_ended_says_so_and_announces_nothing() {
        let ended = Listing {
            ended: true,
            ..listing()
        };
        let text = text(&ended, true);
        assert!(text.contains("#EXT-X-ENDLIST") && !text.contains("PREFETCH"));
    }
}
