//! One walk over a stream of bytes of any length: every needle in every form, and inside whatever is packed.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    io::{self, Read, Write},
    sync::Arc,
};

use super::{needles::Needles, packed::Packed};
use crate::redact::Encoding;

/// Bytes walked over at a time.
const WINDOW: usize = 64 * 1024;

/// Bytes by which anything can be told: the longest mark of something packed.
pub(super) const LEAST: usize = 6;

/// How often something may be packed.
const DEEPEST: u8 = 4;

/// How many packed things may be open at once: each holds a window of its own.
const MOST_OPEN: usize = 64;

/// The most that one packed thing may unpack to.
const MOST_UNPACKED: u64 = 1 << 30;

/// Needles and encodings, each with where it was found first and how often.
pub(super) type Found = BTreeMap<(usize, Encoding), Spot>;

/// Where something was found first, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) at: u64,
    pub(super) times: u64,
}

/// What one walk came to.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Sifted {
    pub(super) found: Found,
    pub(super) bytes: u64,
    /// Why not all of it could be searched.
    pub(super) trouble: Option<String>,
}

/// A walk that goes on while bytes come in.
pub(super) struct Sieve {
    needles: Arc<Needles>,
    depth: u8,
    /// The last bytes that came in: of no form in them the end has been seen.
    held: Vec<u8>,
    /// How many bytes came before those.
    base: u64,
    packed: Vec<Packed>,
    sifted: Sifted,
}

impl Sieve {
    pub(super) fn new(needles: &Arc<Needles>) -> Self {
        Self::at_depth(needles, 0)
    }

    pub(super) fn at_depth(needles: &Arc<Needles>, depth: u8) -> Self {
        Self {
            needles: Arc::clone(needles),
            depth,
            held: Vec::new(),
            base: 0,
            packed: Vec::new(),
            sifted: Sifted::default(),
        }
    }

    /// Everything a reader yields.
    pub(super) fn sift(needles: &Arc<Needles>, mut reader: impl Read) -> io::Result<Sifted> {
        let mut sieve = Self::new(needles);
        let mut window = vec![0; WINDOW];
        loop {
            match reader.read(&mut window) {
                Ok(0) => return Ok(sieve.end()),
                Ok(read) => sieve.feed(&window[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// More bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        for window in bytes.chunks(WINDOW) {
            self.sifted.bytes += window.len() as u64;
            self.packed.retain_mut(|packed| {
                let goes_on = packed.feed(window);
                if !goes_on {
                    gather(&mut self.sifted, packed);
                }
                goes_on
            });
            self.held.extend_from_slice(window);
            let seen = self.held.len().saturating_sub(self.needles.longest() - 1);
            self.walk(seen);
            self.held.drain(..seen);
            self.base += seen as u64;
        }
    }

    /// No more bytes: what was found, and a new beginning.
    pub(super) fn end(&mut self) -> Sifted {
        self.walk(self.held.len());
        for mut packed in std::mem::take(&mut self.packed) {
            gather(&mut self.sifted, &mut packed);
        }
        self.held.clear();
        self.base = 0;
        std::mem::take(&mut self.sifted)
    }

    /// Look at what begins at each of the first held bytes.
    fn walk(&mut self, until: usize) {
        let needles = Arc::clone(&self.needles);
        for at in 0..until {
            let rest = &self.held[at..];
            let Some(two) = rest.first_chunk() else { return };
            if !needles.may_start(*two) {
                continue;
            }
            let place = self.base + at as u64;
            for key in needles.at(rest, self.depth > 0) {
                note(&mut self.sifted.found, key, Spot { at: place, times: 1 });
            }
            if needles.unpacks() && Packed::begins(rest) {
                self.unpack(at, place);
            }
        }
    }

    fn unpack(&mut self, at: usize, place: u64) {
        if self.depth == DEEPEST || self.packed.len() == MOST_OPEN {
            let why = format!("too much is packed into one another at byte {place}");
            self.sifted.trouble.get_or_insert(why);
            return;
        }
        let inner = Self::at_depth(&self.needles, self.depth + 1);
        if let Some(mut packed) = Packed::open(&self.held[at..], place, inner) {
            if packed.feed(&self.held[at..]) {
                self.packed.push(packed);
            } else {
                gather(&mut self.sifted, &mut packed);
            }
        }
    }
}

/// What was found in something packed was found where that begins.
fn gather(sifted: &mut Sifted, packed: &mut Packed) {
    let at = packed.at;
    let inner = packed.close();
    for ((needle, _), Spot { times, .. }) in inner.found {
        note(&mut sifted.found, (needle, Encoding::Gzip), Spot { at, times });
    }
    if let Some(trouble) = inner.trouble {
        sifted.trouble.get_or_insert(trouble);
    }
}

fn note(found: &mut Found, key: (usize, Encoding), spot: Spot) {
    match found.entry(key) {
        Entry::Vacant(entry) => drop(entry.insert(spot)),
        Entry::Occupied(mut entry) => {
            let known = entry.get_mut();
            known.at = known.at.min(spot.at);
            known.times += spot.times;
        }
    }
}

/// What is unpacked is written here.
impl Write for Sieve {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.sifted.bytes + bytes.len() as u64 > MOST_UNPACKED {
            let why = format!("something packed unpacks to more than {MOST_UNPACKED} bytes");
            self.sifted.trouble.get_or_insert(why);
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.feed(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
