//! Filtersets against test keys. What nextest itself makes of each expression was looked up by `cargo nextest list -E`.

use proptest::prelude::{Just, Strategy, any, prop, prop_oneof};

use super::{Filterset, Refusal};
use crate::model::TestKey;

fn read(text: &str) -> Result<Filterset, Refusal> {
    Filterset::read(text, Ok(&Filterset::all()))
}

fn includes(text: &str, key: &str) -> bool {
    read(text).unwrap_or_else(|why| panic!("{text}: {why:?}")).includes(&key.parse().unwrap())
}

/// One test of each sort of binary, and some names.
const KEYS: [&str; 9] = [
    "my-app/my_app::net::slow_peer",
    "my-app/my_app::fast",
    "my-app/bin:my-app::fast",
    "my-app/bin:tool::net::slow_peer",
    "my-app/test:db::net::a_b_c",
    "my-app/test:db_two::fast",
    "my-app/example:ex::fast",
    "my-app/bench:be::slow_one",
    "mac/mac::fast",
];

#[test]
fn an_expression_includes_what_it_includes_in_nextest() {
    for (text, places) in [
        ("all()", &[0, 1, 2, 3, 4, 5, 6, 7, 8][..]),
        ("none( )", &[]),
        ("test(slow)", &[0, 3, 7]),
        ("test( slow)", &[0, 3, 7]),
        ("test(=fast)", &[1, 2, 5, 6, 8]),
        // Spaces before the parenthesis belong to the name.
        ("test(=fast )", &[]),
        ("test(~net::)", &[0, 3, 4]),
        ("test(/^net::/)", &[0, 3, 4]),
        ("test( /\\w+_peer$/ )", &[0, 3]),
        ("test(/\\/|fast/)", &[1, 2, 5, 6, 8]),
        ("test(#net::*)", &[0, 3, 4]),
        ("test(#a)", &[]),
        ("test(#*_[abp]_c)", &[4]),
        ("test(=net\\u{3a}:a_b_c)", &[4]),
        ("test(a\\,b)", &[]),
        ("package(my-*)", &[0, 1, 2, 3, 4, 5, 6, 7]),
        ("package(my)", &[]),
        ("package(=mac)", &[8]),
        ("binary(db*)", &[4, 5]),
        ("binary(db)", &[4]),
        ("binary(my-app)", &[2]),
        ("binary(/_/)", &[0, 1, 5]),
        ("binary_id(my-app)", &[0, 1]),
        ("binary_id(my-app::db)", &[4]),
        ("binary_id(my-app::*/*)", &[2, 3, 6, 7]),
        ("binary_id(=my-app::bin/tool)", &[3]),
        ("kind(lib)", &[0, 1, 8]),
        ("kind(~b)", &[0, 1, 2, 3, 7, 8]),
        ("kind(nothing)", &[]),
        ("default()", &[0, 1, 2, 3, 4, 5, 6, 7, 8]),
        ("not test(slow)", &[1, 2, 4, 5, 6, 8]),
        ("!!test(slow)", &[0, 3, 7]),
        ("not(test(slow))", &[1, 2, 4, 5, 6, 8]),
        ("package(mac) or kind(test) and test(fast)", &[5, 8]),
        ("(package(mac) | kind(test)) & test(fast)", &[5, 8]),
        ("kind(test) + kind(bin) - test(fast)", &[3, 4, 5]),
        ("(kind(test) + kind(bin)) - test(fast)", &[3, 4]),
        ("not kind(lib) and test(slow)", &[3, 7]),
        ("all()\n  and(kind(bin))\r\n  - test(fast)", &[3]),
        ("all() - kind(lib) - kind(bin) & test(fast)", &[5, 6]),
    ] {
        let found: Vec<usize> = (0..KEYS.len()).filter(|place| includes(text, KEYS[*place])).collect();
        assert_eq!(found, places, "{text}");
    }
}

#[test]
fn no_set_has_what_nextest_does_not_run() {
    for text in ["all()", "not none()", "package(app)"] {
        assert!(!includes(text, "app/doc:doc::src/lib.rs - add #1") && !includes(text, "app/suite:py::a"), "{text}");
        assert!(includes(text, "app/app::a"));
    }
}

#[test]
fn the_default_set_is_the_profiles() {
    let default = read("not test(slow)").unwrap();
    let set = Filterset::read("default() & kind(lib)", Ok(&default)).unwrap();
    let found: Vec<&str> = KEYS.into_iter().filter(|key| set.includes(&key.parse().unwrap())).collect();
    assert_eq!(found, [KEYS[1], KEYS[8]]);
    assert_eq!(Filterset::read("! default()", Err("deps()")), Err(Refusal::Unknowable("deps()")));
}

#[test]
fn what_a_key_does_not_tell_is_said() {
    for (text, unknown) in [
        ("test(a) | deps(app)", "deps()"),
        ("rdeps(=app)", "rdeps()"),
        ("platform( host )", "platform()"),
        ("not platform(target)", "platform()"),
        ("kind(proc-macro)", "kind(proc-macro)"),
        ("kind(/^proc/)", "kind(proc-macro)"),
    ] {
        assert_eq!(read(text), Err(Refusal::Unknowable(unknown)), "{text}");
    }
}

#[test]
fn mistakes_say_where_they_are() {
    for (text, why) in [
        ("", "expected a predicate such as test(name) at character 1"),
        ("tests(a)", "expected a predicate such as test(name) at character 1"),
        ("nottest(a)", "expected a predicate such as test(name) at character 1"),
        ("test(a) &", "expected a predicate such as test(name) at character 10"),
        ("test()", "expected a name at character 6"),
        ("test(a", "expected `)` at character 7"),
        ("test(a, b)", "expected `)` at character 7"),
        ("test a", "expected `(` at character 6"),
        ("all(a)", "expected `)` at character 5"),
        ("test(a) test(b)", "expected the end, or an operator at character 9"),
        ("test(a)\t", "expected the end, or an operator at character 8"),
        ("test(a) || test(b)", "expected `|` or `or` at character 9"),
        ("test(a) AND test(b)", "expected `&` or `and` at character 9"),
        ("test(\\d)", "expected an escape sequence such as `\\)`, `\\n` or `\\u{7F}` after `\\` at character 7"),
        (
            "test(\\u{110000})",
            "expected an escape sequence such as `\\)`, `\\n` or `\\u{7F}` after `\\` at character 7",
        ),
        ("test(/a)", "expected `/` at the end of the regex at character 9"),
        ("test(/(/)", "/(/ is no regex: error: unclosed group"),
        ("test(#{a)", "\"{a\" is no glob: unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)"),
        ("platform(moon)", "platform(moon): expected host or target"),
        ("group(db)", "group() can only be used on nextest's command line"),
    ] {
        assert_eq!(read(text), Err(Refusal::Wrong(why.to_owned())), "{text}");
    }
    assert!(matches!(read(&"(".repeat(100_000)), Err(Refusal::Wrong(_))));
    assert!(matches!(read(&"!".repeat(100_000)), Err(Refusal::Wrong(_))));
    assert!(includes(&format!("none(){}", " | all()".repeat(10_000)), KEYS[0]), "a long chain is not a deep one");
}

/// A tree, as a test would write and judge it: apart from the code above.
#[derive(Clone, Debug)]
enum Model {
    Leaf(&'static str, fn(&TestKey) -> bool),
    Not(Box<Model>),
    And(Box<Model>, Box<Model>, &'static str),
    Minus(Box<Model>, Box<Model>),
    Or(Box<Model>, Box<Model>, &'static str),
}

impl Model {
    fn holds(&self, key: &TestKey) -> bool {
        match self {
            Self::Leaf(_, holds) => holds(key),
            Self::Not(inner) => !inner.holds(key),
            Self::And(a, b, _) => a.holds(key) && b.holds(key),
            Self::Minus(a, b) => a.holds(key) && !b.holds(key),
            Self::Or(a, b, _) => a.holds(key) || b.holds(key),
        }
    }

    /// With as few parentheses as precedence allows: 0 binds least.
    fn write(&self, around: u8) -> String {
        let (text, binds) = match self {
            Self::Leaf(text, _) => ((*text).to_owned(), 3),
            Self::Not(inner) => (format!("not {}", inner.write(2)), 2),
            Self::And(a, b, sign) => (format!("{} {sign} {}", a.write(1), b.write(2)), 1),
            Self::Minus(a, b) => (format!("{}-{}", a.write(1), b.write(2)), 1),
            Self::Or(a, b, sign) => (format!("{} {sign} {}", a.write(0), b.write(1)), 0),
        };
        if binds < around { format!("( {text} )") } else { text }
    }
}

fn model() -> impl Strategy<Value = Model> {
    let leaf = prop_oneof![
        Just(Model::Leaf("all()", |_| true)),
        Just(Model::Leaf("none()", |_| false)),
        Just(Model::Leaf("test(slow)", |key| key.name.contains("slow"))),
        Just(Model::Leaf("package(mac)", |key| key.binary.package == "mac")),
        Just(Model::Leaf("kind(=bin)", |key| key.binary.kind.as_str() == "bin")),
    ];
    leaf.prop_recursive(5, 32, 2, |inner| {
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            inner.prop_map(|inner| Model::Not(Box::new(inner))),
            (pair.clone(), prop_oneof![Just("and"), Just("&")]).prop_map(|((a, b), sign)| Model::And(
                Box::new(a),
                Box::new(b),
                sign
            )),
            pair.clone().prop_map(|(a, b)| Model::Minus(Box::new(a), Box::new(b))),
            (pair, prop_oneof![Just("or"), Just("|"), Just("+")]).prop_map(|((a, b), sign)| Model::Or(
                Box::new(a),
                Box::new(b),
                sign
            )),
        ]
    })
}

proptest::proptest! {
    #[test]
    fn a_written_tree_is_read_as_it_was_meant(model in model()) {
        let text = model.write(0);
        for key in KEYS {
            proptest::prop_assert_eq!(includes(&text, key), model.holds(&key.parse().unwrap()), "{} of {}", text, key);
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,40}", parts in prop::collection::vec(any::<prop::sample::Index>(), 0..16)) {
        const PARTS: [&str; 22] = [
            "test(", "kind(", "binary_id(", "platform(", "default(", "all()", ")", "(", "not ", "!", "and ", "or ", "&",
            "-", "|", "/a\\/", "#{a,", "=x", "~", "\\u{", "}", "é",
        ];
        let _ = read(&text).map(|set| set.includes(&KEYS[0].parse().unwrap()));
        let text: String = parts.iter().map(|part| PARTS[part.index(PARTS.len())]).collect();
        let _ = read(&text).map(|set| set.includes(&KEYS[0].parse().unwrap()));
    }
}
