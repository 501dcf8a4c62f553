//! Which lines of a source file are test code: parsed, not guessed, and on a stable compiler.

use std::ops::RangeInclusive;

use camino::{Utf8Path, Utf8PathBuf};
use proc_macro2::{TokenStream, TokenTree};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ImplItem, Item, Meta, Token, TraitItem};

use super::lines::joined;

/// The test code of a source file, and the files that are nothing else because this one says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestCode {
    /// Its lines, in order, and apart.
    pub lines: Vec<RangeInclusive<u32>>,
    /// Where `#[cfg(test)] mod name;` may lie: of these files the one that exists.
    pub files: Vec<Utf8PathBuf>,
    /// What lies in these folders belongs to such a module too.
    pub folders: Vec<Utf8PathBuf>,
}

/// Where modules of a source file lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// It is the root of a crate: beside it.
    Crate,
    /// It is a module: in a folder of its name, or beside it if it is a `mod.rs`.
    Module,
}

/// No source nests deeper by hand; parsers that go deeper die of it.
const DEEPEST: usize = 256;

/// What [`DEEPEST`] needs, amply, in a build without optimization.
const STACK: usize = 64 << 20;

/// The last words of attributes that make a function a test, `#[tokio::test]` among them.
const TEST_ATTRIBUTES: [&str; 9] =
    ["test", "bench", "gtest", "proptest", "quickcheck", "rstest", "test_case", "test_matrix", "wasm_bindgen_test"];

/// Finds the test code of a source file.
///
/// # Errors
///
/// Why it cannot be parsed, and where.
pub fn find(source: &str, path: &Utf8Path, root: Root) -> Result<TestCode, String> {
    let work = || find_here(source, path, root);
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        let thread = thread.map_err(|error| format!("no thread to parse it in: {error}"))?;
        thread.join().unwrap_or_else(|_| Err("the parser gave up".to_owned()))
    })
}

fn find_here(source: &str, path: &Utf8Path, root: Root) -> Result<TestCode, String> {
    let at = |span: proc_macro2::Span, why: String| format!("line {}: {why}", span.start().line);
    let tokens: TokenStream =
        without_shebang(source).parse().map_err(|error: proc_macro2::LexError| at(error.span(), error.to_string()))?;
    if nests_deeper(&tokens, DEEPEST) {
        return Err(format!("it nests deeper than {DEEPEST} brackets"));
    }
    let file: syn::File = syn::parse2(tokens).map_err(|error| at(error.span(), error.to_string()))?;
    let mut finder =
        Finder { code: TestCode::default(), folder: module_folder(path, root), file_folder: folder_of(path) };
    if is_test(&file.attrs) {
        let last = u32::try_from(source.lines().count()).unwrap_or(u32::MAX);
        finder.code.lines.push(1..=last.max(1));
    } else {
        finder.visit_file(&file);
    }
    finder.code.lines = joined(finder.code.lines);
    Ok(finder.code)
}

/// A first line that only the shell reads; its end stays, so that lines keep their numbers.
fn without_shebang(source: &str) -> &str {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    match source.strip_prefix("#!") {
        Some(rest) if !rest.trim_start().starts_with('[') => {
            rest.find('\n').and_then(|end| rest.get(end..)).unwrap_or("")
        }
        _ => source,
    }
}

fn nests_deeper(tokens: &TokenStream, deepest: usize) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Group(group) => deepest == 0 || nests_deeper(&group.stream(), deepest - 1),
        _ => false,
    })
}

fn folder_of(path: &Utf8Path) -> Utf8PathBuf {
    path.parent().unwrap_or("".into()).to_owned()
}

/// Where the modules lie that this file declares.
fn module_folder(path: &Utf8Path, root: Root) -> Utf8PathBuf {
    let folder = folder_of(path);
    match (root, path.file_stem()) {
        (Root::Module, Some(stem)) if stem != "mod" => folder.join(stem),
        _ => folder,
    }
}

struct Finder {
    code: TestCode,
    /// Where modules lie that are declared here.
    folder: Utf8PathBuf,
    /// Where the file lies.
    file_folder: Utf8PathBuf,
}

impl Finder {
    /// Notes the node's lines if it is test code, and says whether it is.
    fn takes(&mut self, attributes: &[Attribute], node: &impl Spanned) -> bool {
        if !is_test(attributes) {
            return false;
        }
        let span = node.span();
        let line = |line: usize| u32::try_from(line).unwrap_or(u32::MAX);
        self.code.lines.push(line(span.start().line)..=line(span.end().line));
        true
    }

    /// A module of test code in a file of its own.
    fn note_module(&mut self, module: &syn::ItemMod) {
        if let Some(path) = path_attribute(&module.attrs) {
            self.code.files.push(self.file_folder.join(path));
            return;
        }
        let name = module.ident.to_string();
        let name = name.strip_prefix("r#").unwrap_or(&name);
        self.code.files.extend([self.folder.join(format!("{name}.rs")), self.folder.join(name).join("mod.rs")]);
        self.code.folders.push(self.folder.join(name));
    }
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_item(&mut self, item: &'ast Item) {
        if self.takes(attributes_of(item), item) {
            if let Item::Mod(module) = item
                && module.content.is_none()
            {
                self.note_module(module);
            }
            return;
        }
        match item {
            Item::Mod(module) if module.content.is_some() => {
                let name = module.ident.to_string();
                self.folder.push(name.strip_prefix("r#").unwrap_or(&name));
                visit::visit_item(self, item);
                self.folder.pop();
            }
            _ => visit::visit_item(self, item),
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes = match item {
            ImplItem::Const(item) => &item.attrs[..],
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            ImplItem::Macro(item) => &item.attrs,
            _ => &[],
        };
        if !self.takes(attributes, item) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_trait_item(&mut self, item: &'ast TraitItem) {
        let attributes = match item {
            TraitItem::Const(item) => &item.attrs[..],
            TraitItem::Fn(item) => &item.attrs,
            TraitItem::Type(item) => &item.attrs,
            TraitItem::Macro(item) => &item.attrs,
            _ => &[],
        };
        if !self.takes(attributes, item) {
            visit::visit_trait_item(self, item);
        }
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        if !self.takes(&local.attrs, local) {
            visit::visit_local(self, local);
        }
    }

    fn visit_stmt_macro(&mut self, statement: &'ast syn::StmtMacro) {
        if !self.takes(&statement.attrs, statement) {
            visit::visit_stmt_macro(self, statement);
        }
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        if !self.takes(&arm.attrs, arm) {
            visit::visit_arm(self, arm);
        }
    }

    fn visit_field_value(&mut self, value: &'ast syn::FieldValue) {
        if !self.takes(&value.attrs, value) {
            visit::visit_field_value(self, value);
        }
    }

    fn visit_expr(&mut self, expression: &'ast Expr) {
        if !self.takes(attributes_of_expression(expression), expression) {
            visit::visit_expr(self, expression);
        }
    }
}

fn attributes_of(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Of the expressions that stand as statements, as arguments or in lists: others cannot be left out.
fn attributes_of_expression(expression: &Expr) -> &[Attribute] {
    match expression {
        Expr::Assign(one) => &one.attrs,
        Expr::Binary(one) => &one.attrs,
        Expr::Block(one) => &one.attrs,
        Expr::Call(one) => &one.attrs,
        Expr::ForLoop(one) => &one.attrs,
        Expr::If(one) => &one.attrs,
        Expr::Loop(one) => &one.attrs,
        Expr::Macro(one) => &one.attrs,
        Expr::Match(one) => &one.attrs,
        Expr::MethodCall(one) => &one.attrs,
        Expr::Path(one) => &one.attrs,
        Expr::Return(one) => &one.attrs,
        Expr::Struct(one) => &one.attrs,
        Expr::Try(one) => &one.attrs,
        Expr::Tuple(one) => &one.attrs,
        Expr::Unsafe(one) => &one.attrs,
        Expr::While(one) => &one.attrs,
        _ => &[],
    }
}

/// Is this there only where tests are built?
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let path = attribute.path();
        if path.is_ident("cfg") {
            return attribute.parse_args::<Meta>().is_ok_and(|meta| needs_test(&meta));
        }
        // `test` alone, in `#[cfg_attr(…)]` for one, is another thing.
        path.segments.last().is_some_and(|last| TEST_ATTRIBUTES.iter().any(|name| last.ident == name))
    })
}

/// Does a condition hold only under `test`?
fn needs_test(meta: &Meta) -> bool {
    match meta {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) => {
            let Ok(inner) = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) else { return false };
            if list.path.is_ident("all") {
                inner.iter().any(needs_test)
            } else {
                list.path.is_ident("any") && !inner.is_empty() && inner.iter().all(needs_test)
            }
        }
        Meta::NameValue(_) => false,
    }
}

/// The file that `#[path = "…"]` names.
fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::lines::written;
    use super::*;

    fn lines(source: &str) -> String {
        written(&find(source, "src/lib.rs".into(), Root::Crate).unwrap().lines)
    }

    #[test]
    fn a_real_file_is_read() {
        assert_eq!(lines(include_str!("../../testdata/coverage/lib.rs")), "39-56");
    }

    #[test]
    fn what_is_built_for_tests_alone_is_test_code() {
        for (source, want) in [
            ("fn a() {}\n\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}", "3-6"),
            ("/// Text.\n#[cfg(test)]\n#[allow(x)]\nuse a::{\n    b,\n};\n", "1-6"),
            ("#[test]\nfn a() {\n}\n", "1-3"),
            ("#[tokio::test(flavor = \"x\")]\nasync fn a() {}", "1-2"),
            ("#[rstest]\n#[case(1)]\nfn a(#[case] b: u8) {}", "1-3"),
            ("#[bench]\nfn a(b: &mut Bencher) {}", "1-2"),
            ("#[cfg(all(unix, test))]\nfn a() {}", "1-2"),
            ("#[cfg(all(unix, any(test)))]\nfn a() {}", "1-2"),
            ("#[cfg(any(test, feature = \"x\"))]\nfn a() {}", ""),
            ("#[cfg(not(test))]\nfn a() {}", ""),
            ("#[cfg(any())]\nfn a() {}", ""),
            ("#[cfg(feature = \"test\")]\nfn a() {}", ""),
            ("#[cfg_attr(test, allow(x))]\nfn a() {}", ""),
            ("#[testing]\nfn a() {}", ""),
            ("impl A {\n    #[cfg(test)]\n    fn a() {\n    }\n    fn b() {}\n}", "2-4"),
            ("trait A {\n    #[cfg(test)]\n    fn a() {}\n}", "2-3"),
            (
                "fn a() {\n    #[cfg(test)]\n    let x = {\n        1\n    };\n    #[cfg(test)]\n    {\n        b();\n    }\n    c();\n}",
                "2-9",
            ),
            (
                "fn a() {\n    #[cfg(test)]\n    b();\n    #[cfg(test)]\n    print!(\n    );\n    match x {\n        #[cfg(test)]\n        1 => 2,\n        _ => 3,\n    };\n}",
                "2-6, 8-9",
            ),
            ("mod a {\n    mod b {\n        #[test]\n        fn c() {}\n    }\n}", "3-4"),
            ("fn a() {\n    fn b() {}\n    #[test]\n    fn c() {}\n}", "3-4"),
            ("#![cfg(test)]\nfn a() {}\n\n", "1-3"),
            ("#!/usr/bin/env run\n#[test]\nfn a() {}", "2-3"),
            ("\u{feff}#[test]\nfn a() {}", "1-2"),
            ("#[test]\r\nfn a() {\r\n}\r\n", "1-3"),
            ("", ""),
            // Only looks like it.
            ("// #[cfg(test)]\nconst A: &str = \"\n#[test]\nfn a() {}\";", ""),
            ("macro_rules! a { () => { #[test]\nfn b() {} } }", ""),
        ] {
            assert_eq!(lines(source), want, "{source}");
        }
    }

    #[test]
    fn modules_in_files_of_their_own_are_found() {
        let found = |path: &str, root, source: &str| {
            let code = find(source, path.into(), root).unwrap();
            (code.files.iter().map(|path| path.as_str().replace('\\', "/")).collect::<Vec<_>>(), code.folders)
        };
        let (files, folders) = found("src/lib.rs", Root::Crate, "#[cfg(test)]\nmod tests;\nmod code;");
        assert_eq!(
            (files, folders),
            (vec!["src/tests.rs".into(), "src/tests/mod.rs".into()], vec!["src/tests".into()])
        );
        assert_eq!(found("src/parse.rs", Root::Module, "#[cfg(test)] mod tests;").0[0], "src/parse/tests.rs");
        assert_eq!(found("src/parse/mod.rs", Root::Module, "#[cfg(test)] mod tests;").0[0], "src/parse/tests.rs");
        assert_eq!(found("src/bin/tool.rs", Root::Crate, "#[cfg(test)] mod tests;").0[0], "src/bin/tests.rs");
        let inline = "mod a { #[cfg(test)] mod r#try; }\n#[cfg(test)] mod b;";
        let (files, _) = found("src/parse.rs", Root::Module, inline);
        assert_eq!((files[0].as_str(), files[2].as_str()), ("src/parse/a/try.rs", "src/parse/b.rs"));
        let (files, folders) =
            found("src/parse.rs", Root::Module, "#[cfg(test)]\n#[path = \"parse_tests.rs\"]\nmod tests;");
        assert_eq!((files, folders), (vec!["src/parse_tests.rs".into()], vec![]));
    }

    #[test]
    fn what_is_no_rust_is_an_error_with_its_line() {
        let error = |source: &str| find(source, "a.rs".into(), Root::Module).unwrap_err();
        assert_eq!(error("fn a() {}\nfn {"), "line 2: cannot parse string into token stream");
        assert!(error("fn a() {}\nfn 1() {}").starts_with("line 2: "), "{}", error("fn a() {}\nfn 1() {}"));
        let nested = |depth: usize| format!("const A: u8 = {}1{};", "(".repeat(depth), ")".repeat(depth));
        assert_eq!(error(&nested(100_000)), "it nests deeper than 256 brackets");
        assert_eq!(lines(&nested(256)), "");
        // Chains that nest without brackets.
        assert_eq!(lines(&format!("const A: bool = {}true;", "!".repeat(2_000))), "");
        assert_eq!(lines(&format!("fn a() {{ if a {{}} {} }}", "else if a {}\n".repeat(2_000))), "");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_text_panics(text in any::<String>(), words in "((#\\[test\\]|#\\[cfg\\(test\\)\\]|fn a\\(\\)|mod b|\\{|\\}|;|impl A|\n) ?){0,14}") {
            let _ = find(&text, "a.rs".into(), Root::Module);
            let _ = find(&words, "a.rs".into(), Root::Crate);
        }
    }
}
