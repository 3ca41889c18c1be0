//! What the tables of kinds and keys are written in: types of values, keys, choices, and what an observation holds.

/// What a key may hold.
///
/// A text may hold `${…}`. Wherever a list, a table, a number or a boolean is asked for, one lone `${…}` will do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Type {
    /// A text.
    Text,
    /// A text that goes to paper as it is: it calls no function that knows a secret.
    Open,
    /// A text of constants, so that the plan can tell it before anything starts.
    Constant,
    /// Words for people, without `${…}`.
    Words,
    /// A name that can stand in a sentence.
    Name,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A number.
    Number,
    /// A whole number, from 1.
    Count,
    /// `250ms`, `10s`, `6m`, `1h`.
    Duration,
    /// `true` or `false`.
    Bool,
    /// A sentence: bare CEL.
    Sentence,
    /// Anything.
    Any,
    /// A list.
    List(&'static Type),
    /// A table with keys of the author's choice, which may hold `${…}` too.
    Map(&'static Type),
    /// A table with these keys.
    Fields(&'static [Key]),
    /// Loop variables: a table of sentences.
    Loops,
    /// A service of `suite.toml`.
    Service,
    /// A service of `suite.toml`, or `*` for all.
    Services,
    /// A role on a database, from `[db]`.
    Database,
    /// A file of the gate's folder or, failing that, of the suite's.
    File,
    /// `METHOD service /path`.
    Request,
    /// `METHOD /path` of requests to a service, with `*` for anything.
    Pattern,
    /// A JSON pointer: `/calls/0/id`.
    Pointer,
    /// HTTP headers: texts that see the exact `body`; null leaves one out.
    Headers,
    /// A name in the environment of a scratch copy: `service.NAME`, or `NAME` for a variable of the compose file.
    Setting,
    /// A table from such names to texts; null takes one away.
    Settings,
    /// A probe of kind `load`, above.
    Load,
    /// A probe above that sees one JSON document.
    Document,
    /// The arrivals of a load.
    Classes,
    /// One change, or a list of them.
    Changes,
    /// A probe of the gate, above.
    Probe,
    /// The word `clone`, in a gate that has one.
    OnClone,
    /// Read by rules of its own.
    Own,
}

/// One key of a table: a parameter of a kind, a key of a gate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it may hold.
    pub holds: Type,
    /// Whether it must be there.
    pub required: bool,
}

/// A key that must be there.
pub(super) const fn must(name: &'static str, holds: Type) -> Key {
    Key {
        name,
        holds,
        required: true,
    }
}

/// A key that may be there.
pub(super) const fn may(name: &'static str, holds: Type) -> Key {
    Key {
        name,
        holds,
        required: false,
    }
}

/// What an observation holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sees {
    /// Anything: rows, JSON, what a witness saw.
    Any,
    /// A number, a string, a boolean: nothing below it.
    Leaf,
    /// A list.
    List(&'static Sees),
    /// Values by keys nobody listed: headers, statuses, environments.
    Map(&'static Sees),
    /// These fields.
    Fields(&'static [(&'static str, Sees)]),
}

/// A kind of look, or of change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kind {
    /// `http`, `sql` …
    pub name: &'static str,
    /// Its parameters.
    pub params: &'static [Key],
    /// Groups of parameters of which exactly one, or at most one, is given.
    pub choices: &'static [Choice],
    /// The fields of its observation; none for a change.
    pub sees: &'static [(&'static str, Sees)],
    /// It may be looked at again until something holds.
    pub repeats: bool,
    /// It lasts, and other looks may stand inside it.
    pub span: bool,
}

/// Parameters that exclude one another; an alternative of several names means all of them together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The alternatives.
    pub among: &'static [&'static [&'static str]],
    /// One of them must be given.
    pub required: bool,
}

/// One of these must be given.
pub(super) const fn one_of(among: &'static [&'static [&'static str]]) -> Choice {
    Choice {
        among,
        required: true,
    }
}

/// At most one of these may be given.
pub(super) const fn at_most(among: &'static [&'static [&'static str]]) -> Choice {
    Choice {
        among,
        required: false,
    }
}
