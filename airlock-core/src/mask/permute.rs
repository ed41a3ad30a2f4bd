//! A keyed one-to-one mapping of the numbers below 2^bits onto themselves.

use super::keys::Prf;

/// The image of `value` under the key: an alternating Feistel network of ten rounds over `bits` bits, HMAC-SHA-256 as
/// its round function. Different values below 2^bits have different images, so that keys stay keys.
///
/// `bits`: 2-62; `value` < 2^bits.
///
/// Source: the structure of FF1, NIST SP 800-38G, with binary halves.
pub(super) fn permute(prf: &Prf, value: u64, bits: u32) -> u64 {
    let left_bits = bits / 2;
    let right_bits = bits - left_bits;
    let mut left = value >> right_bits;
    let mut right = value & mask(right_bits);
    for round in 0..ROUNDS {
        let width = if round % 2 == 0 { left_bits } else { right_bits };
        let digest = prf.digest(&[b"airlock/permute/v1", &[bits as u8, round], &right.to_be_bytes()]);
        let noise = u64::from_be_bytes(digest[..8].try_into().expect("8 of 32 bytes"));
        (left, right) = (right, left.wrapping_add(noise) & mask(width));
    }
    (left << right_bits) | right
}

/// As [`permute`], for the numbers from 2^`from_bits` to 2^`bits`: repeated until the image is among them.
pub(super) fn permute_above(prf: &Prf, value: u64, from_bits: u32, bits: u32) -> u64 {
    let mut image = permute(prf, value, bits);
    while image >> from_bits == 0 {
        image = permute(prf, image, bits);
    }
    image
}

const fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

/// Even, so that the halves end where they began.
const ROUNDS: u8 = 10;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::mask::MaskKeys;
    use crate::secret::Secret;

    fn prf() -> Prf {
        MaskKeys::new(Secret::new([3; 32]), "t_a".parse().unwrap()).prf("k1", "users.id")
    }

    #[test]
    fn every_number_has_its_own_image() {
        let prf = prf();
        for bits in [2, 3, 8, 11] {
            let images: HashSet<u64> = (0..1 << bits).map(|v| permute(&prf, v, bits)).collect();
            assert_eq!(images.len(), 1 << bits);
            assert!(images.iter().all(|i| *i < 1 << bits));
        }
    }

    #[test]
    fn the_upper_range_maps_onto_itself() {
        let prf = prf();
        let images: HashSet<u64> = (64..256).map(|v| permute_above(&prf, v, 6, 8)).collect();
        assert_eq!(images.len(), 192);
        assert!(images.iter().all(|i| (64..256).contains(i)));
    }
}
