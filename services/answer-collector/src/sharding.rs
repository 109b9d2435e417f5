//! Which shard holds a viewer's answers.
//!
//! The hash is FNV-1a with 64 bits (draft-eastlake-fnv, "The FNV Non-Cryptographic Hash
//! Algorithm"): it must give the same in every build and every process, which the standard
//! library's hashers do not promise. Nobody gains from a crowded shard, so it need not resist one.

use cuepoint_shared::ids::UserId;

const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// FNV-1a of a viewer's id.
pub fn stable_hash(viewer_id: &UserId) -> u64 {
    fnv_1a(viewer_id.as_str().as_bytes())
}

/// The shard of a viewer, from 0: the same in every question of a run. `shards` of 0 counts as 1.
pub fn shard_of(viewer_id: &UserId, shards: u32) -> u32 {
    let shard = stable_hash(viewer_id) % u64::from(shards.max(1));
    u32::try_from(shard).expect("less than the number of shards")
}

fn fnv_1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(OFFSET_BASIS, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(PRIME)
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv_1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv_1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv_1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn an_audience_spreads_evenly() {
        for shards in [2, 4, 7, 20] {
            let mut viewers = vec![0_u32; shards as usize];
            for n in 0..20_000_u128 {
                let viewer = Uuid::new_v5(&Uuid::NAMESPACE_OID, &n.to_be_bytes()).to_string();
                viewers[shard_of(&viewer.parse().unwrap(), shards) as usize] += 1;
            }
            let even = 20_000 / shards;
            assert!(
                viewers
                    .iter()
                    .all(|&n| n > even * 8 / 10 && n < even * 12 / 10),
                "{viewers:?}"
            );
        }
    }

    #[test]
    fn no_shards_count_as_one() {
        for n in 0..10 {
            let viewer = format!("viewer-{n}").parse().unwrap();
            assert_eq!((shard_of(&viewer, 0), shard_of(&viewer, 1)), (0, 0));
        }
    }
}
