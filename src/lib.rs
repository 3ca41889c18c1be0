//! `closure` proves that a composed service is ready to operate, and leaves a pack that anyone can re-check.
