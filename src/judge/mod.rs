//! Observations into outcomes: one function, live and offline, over nothing but what is on paper.

pub mod verdict;
