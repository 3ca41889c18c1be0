//! A sentence: one compiled CEL expression.

use std::{collections::BTreeSet, fmt, sync::Arc};

use cel::{Env, IdedExpr, ParseErrors};

use super::{
    anatomy::{Anatomy, Literal},
    language, order, tautology,
};

/// Longest expression, in bytes.
pub const MAX_SOURCE: usize = 8 * 1024;

/// Deepest nesting of comprehensions: each level multiplies the work by the length of a list.
pub const MAX_COMPREHENSIONS: usize = 4;

/// One CEL expression, compiled, with the names it reads and the functions it calls.
#[derive(Clone)]
pub struct Sentence {
    source: Arc<str>,
    program: Arc<IdedExpr>,
    anatomy: Arc<Anatomy>,
}

/// Why a text is not CEL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What is wrong, in words, without position.
    pub message: String,
    /// Line inside the expression, from 1.
    pub line: usize,
    /// Column inside the expression, from 1.
    pub column: usize,
}

impl Sentence {
    /// Compile one expression. Fails with the first fault of its syntax, or when it is longer than [`MAX_SOURCE`] or
    /// nests deeper than [`MAX_COMPREHENSIONS`].
    pub fn compile(source: &str) -> Result<Self, Fault> {
        if source.len() > MAX_SOURCE {
            let message = format!(
                "an expression of {} bytes is longer than {MAX_SOURCE}",
                source.len()
            );
            return Err(Fault::at_start(message));
        }
        // Read twice: macros hide what was written, and what was written is what the anatomy tells about.
        let plain = Env::default()
            .with_optional_support(false)
            .parser()
            .parse(source)
            .map_err(|errors| Fault::first(&errors))?;
        let program = language::language()
            .parser()
            .parse(source)
            .map_err(|errors| Fault::first(&errors))?;
        let anatomy = Anatomy::of(plain);
        if anatomy.depth > MAX_COMPREHENSIONS {
            let depth = anatomy.depth;
            let message =
                format!("{depth} comprehensions inside one another; {MAX_COMPREHENSIONS} is the limit");
            return Err(Fault::at_start(message));
        }
        Ok(Self {
            source: source.into(),
            program: Arc::new(order::ordered(program)),
            anatomy: Arc::new(anatomy),
        })
    }

    /// The expression as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The free names it reads: not those its own comprehensions bind.
    pub fn reads(&self) -> BTreeSet<String> {
        self.anatomy.reads.clone()
    }

    /// The functions, methods and macros it calls, operators aside: `size`, `lists.range`, `map`.
    pub fn calls(&self) -> BTreeSet<String> {
        self.anatomy.calls.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Every call with the number of its arguments, the receiver counted (but not the `lists` of `lists.range`).
    pub fn call_sites(&self) -> &[(String, usize)] {
        &self.anatomy.calls
    }

    /// What it selects, each path rooted at a free name: `["storm", "latency", "intended"]`.
    ///
    /// Indexing by a string is a step, by a number is none (every element of a list is alike), by anything else is
    /// the step `*`. A comprehension's variable stands for its list's path, so `rows.exists(r, r.id == 1)` selects
    /// `["rows"]` and `["rows", "id"]`.
    pub fn paths(&self) -> &BTreeSet<Vec<String>> {
        &self.anatomy.paths
    }

    /// The path the value of the whole sentence has, or, for a list that `filter` and its like made, the path of the
    /// list it was made from.
    pub fn place(&self) -> Option<Vec<String>> {
        self.anatomy.place()
    }

    /// Why it can never be false, as far as its form alone tells; none when it may be.
    pub fn certain(&self) -> Option<&'static str> {
        tautology::certain(&self.anatomy.plain)
    }

    /// Why a part of it, where it is a conjunction, can never be false.
    pub fn certain_part(&self) -> Option<&'static str> {
        tautology::certain_part(&self.anatomy.plain)
    }

    /// True when the sentence is nothing but a path: names joined by points.
    pub fn is_path(&self) -> bool {
        self.place()
            .is_some_and(|path| path.join(".") == self.source.trim())
    }

    /// Numbers and strings written in it.
    pub fn literals(&self) -> &[Literal] {
        &self.anatomy.literals
    }

    /// Names of fields it mentions, with `.field` or `['field']`.
    pub fn fields(&self) -> &BTreeSet<String> {
        &self.anatomy.fields
    }

    /// True when it uses `.all(…)`, which is true of an empty list; `always` is the way.
    pub fn uses_bare_all(&self) -> bool {
        self.anatomy.calls.iter().any(|(name, _)| name == "all")
    }

    pub(super) fn program(&self) -> &IdedExpr {
        &self.program
    }

    pub(super) fn anatomy(&self) -> &Anatomy {
        &self.anatomy
    }
}

impl Fault {
    fn at_start(message: String) -> Self {
        Self {
            message,
            line: 1,
            column: 1,
        }
    }

    fn first(errors: &ParseErrors) -> Self {
        let Some(error) = errors.errors.first() else {
            return Self::at_start("not an expression".into());
        };
        let place = |n: isize| usize::try_from(n).unwrap_or(1).max(1);
        Self {
            message: error.msg.trim().to_owned(),
            line: place(error.pos.0),
            column: place(error.pos.1),
        }
    }

    /// The same fault, told from the beginning of a text in which `before` stands before the expression.
    pub(super) fn after(mut self, before: &str) -> Self {
        if self.line == 1 {
            let last = before.rsplit('\n').next().unwrap_or(before);
            self.column += last.chars().count();
        }
        self.line += before.matches('\n').count();
        self
    }
}

impl fmt::Debug for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sentence({:?})", self.source)
    }
}

impl PartialEq for Sentence {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_SOURCE, Sentence};
    use crate::cel::Literal;

    fn good(source: &str) -> Sentence {
        Sentence::compile(source).unwrap_or_else(|fault| panic!("{source}: {fault:?}"))
    }

    fn paths(source: &str) -> Vec<String> {
        good(source).paths().iter().map(|path| path.join(".")).collect()
    }

    #[test]
    fn names_bound_by_a_comprehension_are_not_read() {
        let sentence = good("hooks.filter(h, h.ok && h.id == id).map(h, h.n + lists.range(k)[0]) == xs");
        assert_eq!(
            sentence.reads().into_iter().collect::<Vec<_>>(),
            ["hooks", "id", "k", "xs"]
        );
        let calls: Vec<_> = sentence.calls().into_iter().collect();
        assert_eq!(calls, ["filter", "lists.range", "map"]);
    }

    #[test]
    fn a_name_bound_inside_is_free_outside() {
        assert!(good("l.exists(x, x == 1) && x == 2").reads().contains("x"));
    }

    #[test]
    fn the_receiver_counts_as_an_argument() {
        let sentence = good("rows.sum() + near(1, 2, 3) + lists.range(2)[0]");
        let expected = [("sum", 1), ("near", 3), ("lists.range", 1)];
        let sites: Vec<_> = sentence
            .call_sites()
            .iter()
            .map(|(n, a)| (n.as_str(), *a))
            .collect();
        assert_eq!(sites, expected);
    }

    #[test]
    fn paths_are_whole_chains() {
        assert_eq!(
            paths("storm.latency.intended.p95_ms <= 25.0"),
            ["storm.latency.intended.p95_ms"]
        );
        assert_eq!(
            paths("meter[0].sent + status['200']"),
            ["meter.sent", "status.200"]
        );
        assert_eq!(paths("row[a] == false"), ["a", "row.*"]);
    }

    #[test]
    fn a_comprehension_variable_stands_for_its_list() {
        let source = "b.rows.filter(r, r.peer in it.sockets).always(r, r.role == 'app_user')";
        assert_eq!(
            paths(source),
            ["b.rows", "b.rows.peer", "b.rows.role", "it.sockets"]
        );
    }

    #[test]
    fn literals_and_fields_are_found() {
        let sentence = good("a.n >= 3 && a['s'] == 'x' && a.d < 2.5 && a.l[7] == 1");
        let expected = [
            Literal::Int(3),
            Literal::Text("x".into()),
            Literal::Double(2.5),
            Literal::Int(1),
        ];
        assert_eq!(sentence.literals(), expected);
        assert_eq!(sentence.fields().iter().collect::<Vec<_>>(), ["d", "l", "n", "s"]);
    }

    #[test]
    fn a_bare_all_is_told() {
        assert!(good("l.all(x, x.ok)").uses_bare_all());
        assert!(!good("l.always(x, x.ok)").uses_bare_all());
    }

    #[test]
    fn a_fault_has_a_place() {
        let fault = Sentence::compile("load.p95_ms <").expect_err("half a comparison");
        assert_eq!((fault.line, fault.column), (1, 14), "{fault:?}");
        let fault = Sentence::compile("a ==\n  == b").expect_err("two operators");
        assert_eq!((fault.line, fault.column), (2, 3), "{fault:?}");
        assert!(Sentence::compile("").is_err());
        assert!(Sentence::compile("l.always(1, true)").is_err());
        assert!(Sentence::compile("a.?b").is_err());
    }

    #[test]
    fn length_and_depth_are_bounded() {
        assert!(Sentence::compile(&"1 + ".repeat(MAX_SOURCE)).is_err());
        let nested = |n: usize| format!("{}true{}", "l.exists(x, ".repeat(n), ")".repeat(n));
        assert!(Sentence::compile(&nested(4)).is_ok());
        assert!(Sentence::compile(&nested(5)).is_err());
        assert!(Sentence::compile("l.map(x, 1).map(x, 1).map(x, 1).map(x, 1).map(x, 1)").is_ok());
        assert!(Sentence::compile(&format!("{}1{}", "(".repeat(3000), ")".repeat(3000))).is_err());
    }
}
