//! Which vector instructions the kernels use: found once, when first asked.
//!
//! `IBEX_ISA=portable|avx2|avx512` lowers the choice (it never raises it above what the processor
//! has), so that tests reach every path on one machine.
//! Must not know: any kernel.

use std::sync::OnceLock;

/// An instruction set the kernels are compiled for, from the plainest to the widest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// Plain Rust, vectorised by the compiler for the target's baseline.
    Portable,
    /// AArch64 Advanced SIMD.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// x86-64 with AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// x86-64 with AVX-512 F, BW, DQ and VL.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Isa {
    /// The set in use in this process.
    #[must_use]
    #[inline]
    pub fn current() -> Self {
        static CURRENT: OnceLock<Isa> = OnceLock::new();
        *CURRENT.get_or_init(|| {
            let limit = std::env::var("IBEX_ISA").unwrap_or_default();
            Self::available().into_iter().rfind(|isa| isa.allowed(&limit)).unwrap_or(Self::Portable)
        })
    }

    /// Every set this processor can run, the plainest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        #[allow(unused_mut, reason = "only some targets add to the list")]
        let mut found = vec![Self::Portable];
        #[cfg(target_arch = "aarch64")]
        found.push(Self::Neon);
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            if avx2 {
                found.push(Self::Avx2);
            }
            let foundation =
                is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
            let shapes =
                is_x86_feature_detected!("avx512dq") && is_x86_feature_detected!("avx512vl");
            if avx2 && foundation && shapes {
                found.push(Self::Avx512);
            }
        }
        found
    }

    /// Its name, as `IBEX_ISA` takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            #[cfg(target_arch = "aarch64")]
            Self::Neon => "neon",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => "avx512",
        }
    }

    fn allowed(self, limit: &str) -> bool {
        match limit {
            "portable" => self == Self::Portable,
            #[cfg(target_arch = "x86_64")]
            "avx2" => self <= Self::Avx2,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plainest_set_is_always_there_and_a_limit_lowers_the_choice() {
        let sets = Isa::available();
        assert_eq!(sets[0], Isa::Portable);
        assert!(sets.is_sorted());
        assert!(sets.iter().all(|isa| isa.allowed("")));
        assert_eq!(sets.iter().filter(|isa| isa.allowed("portable")).count(), 1);
    }
}
