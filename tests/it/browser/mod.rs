//! The HTML report in a real browser: headless Chromium, driven by its own driver.
//!
//! These tests need both, which a machine that has only a Rust toolchain does not: they are ignored unless asked for
//! (`cargo test --test it -- browser --ignored`), and then fail where the browser is missing. `.ci/run` asks.

mod webdriver;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cargo_gate::report::inert::one_line;
use cargo_gate::report::{Retrospect, html};
use serde_json::Value;
use webdriver::{Browser, SCHEMES, keys};

use crate::support::retrospects;

/// Every made-up history, by its name.
const HISTORIES: [&str; 5] = ["empty", "small", "typical", "large", "hostile"];

fn history(name: &str) -> Retrospect {
    match name {
        "empty" => retrospects::empty(),
        "small" => retrospects::small(),
        "typical" => retrospects::typical(),
        "large" => retrospects::large(),
        "hostile" => retrospects::hostile(),
        _ => panic!("no history is called {name}"),
    }
}

/// A window on a desk, and one in a hand.
const WIDTHS: [u32; 2] = [1400, 390];

/// The page of a history, on disk.
fn page(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    fs::create_dir_all(&dir).unwrap();
    // Tests run side by side, and a page appears as a whole.
    let mut file = tempfile::NamedTempFile::new_in(&dir).unwrap();
    html::write(&history(name), &mut file).unwrap();
    let path = dir.join(format!("{name}.html"));
    file.persist(&path).unwrap();
    path
}

fn open(name: &str) -> Browser {
    let browser = Browser::start();
    browser.resize(WIDTHS[0], 900);
    browser.open(&page(name));
    browser
}

/// The texts of everything that this selects.
fn texts(browser: &Browser, selector: &str) -> Vec<String> {
    let script = format!("return [...document.querySelectorAll(`{selector}`)].map((one) => one.textContent)");
    let found = browser.script(&script);
    found.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// Waits until what was typed has been looked at: the page does that before it draws.
fn settle(browser: &Browser) {
    browser.script_later("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))");
}

fn names(browser: &Browser) -> Vec<String> {
    texts(browser, "#tests tbody th .key")
}

fn text(browser: &Browser, selector: &str) -> String {
    texts(browser, selector).concat()
}

#[test]
#[ignore = "needs Chromium and chromedriver"]
fn every_page_opens_without_a_complaint() {
    let browser = Browser::start();
    for name in HISTORIES {
        for width in WIDTHS {
            browser.resize(width, 900);
            browser.open(&page(name));
            assert!(!text(&browser, "h1").is_empty());
            assert_eq!(browser.complaints(), Vec::<String>::new(), "{name}, {width} wide");
        }
    }
}

#[test]
#[ignore = "needs Chromium and chromedriver"]
fn a_complaint_would_be_noticed() {
    let browser = open("small");
    browser.script(
        "const style = document.createElement('style'); style.textContent = 'p {}'; document.head.append(style)",
    );
    browser.script("setTimeout(() => undefined.missing)");
    browser.script_later("setTimeout(arguments[0], 50)");
    let complaints = browser.complaints().join("\n");
    assert!(complaints.contains("Content Security Policy") && complaints.contains("missing"), "{complaints}");
}

#[test]
#[ignore = "needs Chromium and chromedriver"]
fn the_table_of_all_tests_sorts_by_click_and_by_key() {
    let browser = open("typical");
    let sorted = || text(&browser, "#tests [aria-sort]");
    let direction = || browser.script("return document.querySelector('#tests [aria-sort]').getAttribute('aria-sort')");
    let column = |nth: usize| texts(&browser, &format!("#tests tbody tr > :nth-child({nth})"));
    assert_eq!((sorted().as_str(), &direction()), ("State", &Value::from("ascending")));
    assert_eq!(column(2)[0], "broken");

    browser.click("#tests thead th:nth-child(3) button");
    assert_eq!((sorted().as_str(), direction()), ("Failed", Value::from("descending")));
    let failed = |text: &String| text.split(' ').next().unwrap().parse::<u64>().unwrap();
    let most: Vec<u64> = column(3).iter().map(failed).collect();
    assert!(most[0] > 0 && most.is_sorted_by(|a, b| a >= b), "{most:?}");

    browser.press([keys::ENTER]);
    assert_eq!(direction(), "ascending");
    let least: Vec<u64> = column(3).iter().map(failed).collect();
    assert!(least.is_sorted() && least[0] == 0, "{least:?}");

    browser.script("document.querySelector('#tests thead th:nth-child(7) button').focus()");
    browser.press([' ']);
    assert_eq!(sorted(), "Next run");
    assert_eq!(column(7)[..3], ["1", "2", "3"]);
}

#[test]
#[ignore = "needs Chromium and chromedriver"]
fn written_tables_sort_as_well() {
    let browser = open("typical");
    let column =
        |nth: usize| texts(&browser, &format!("#slowest > .scroll:first-of-type tbody tr > :nth-child({nth})"));
    let before = column(1);
    browser.click("#slowest thead th:nth-child(1) button");
    let mut sorted = before.clone();
    sorted.sort();
    assert_eq!(column(1), sorted);
    browser.click("#slowest thead th:nth-child(2) button");
    assert_eq!(column(1).len(), before.len());
    let times: Vec<f64> = column(2).iter().map(|time| time.trim_end_matches('s').parse().unwrap()).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");
}

#[test]
#[ignore = "needs Chromium and chromedriver"]
fn files_sort_and_lead_to_their_uncovered_lines() {
    let browser = open("typical");
    let files = retrospects::typical().files;
    let column = |nth: usize| texts(&browser, &format!("#files tbody tr > :nth-child({nth})"));
    let missing = |texts: Vec<String>| -> Vec<u64> { texts.iter().map(|text| text.parse().unwrap()).collect() };
    assert_eq!(column(1).len(), files.len());
    assert!(missing(column(3)).is_sorted_by(|a, b| a >= b));
    browser.click("#files thead th:nth-child(2) button");
    assert_eq!(column(2)[0], "100.00%");
    browser.press([keys::ENTER]);
    assert_ne!(column(2)[0], "100.00%");

    // An address inside of what is closed opens it: without any script.
    let visible = |selector: &str| {
        let script = format!("return document.querySelector('{selector}').checkVisibility()");
        browser.script(&script).as_bool().unwrap()
    };
    assert!(!visible("#files .source"));
    browser.click("#files tbody a[href='#file-0']");
    assert!(visible("#files .source") && visible("#file-0"));
    browser.click("#file-0 a:nth-of-type(3)");
    let in_sight = browser.script(
        "const [mark, source] = [document.querySelector('mark:target'), document.querySelector('.source')]
             .map((one) => one.getBoundingClientRect());
         return mark.top >= source.top && mark.bottom <= source.bottom && mark.top >= 0 && mark.top < innerHeight",
    );
    assert_eq!(in_sight, true);
}

#[test]
#[ignore = "needs Chromium and chromedriver"]
fn uncovered_lines_are_told_by_more_than_colour() {
    let browser = open("typical");
    let lines = |selector: &str| -> Vec<String> {
        texts(&browser, selector).iter().flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    };
    let all = lines("#files .source");
    let marked = lines("#files mark");
    assert!(marked.len() > 50 && marked.iter().all(|line| line.contains(" ✗")), "{marked:?}");
    assert_eq!(all.iter().filter(|line| line.contains(" ✗")).count(), marked.len());
    browser.script("document.querySelector('#files .sources details').open = true");
    let border = browser.script("return getComputedStyle(document.querySelector('#files mark')).borderLeftWidth");
    assert_eq!(border, "3px");
}

#[test]
#[ignore = "needs Chromium and chromedriver"]
fn tests_are_found_by_name_and_by_state() {
    let browser = open("typical");
    let all = retrospects::typical().tests;
    assert_eq!(text(&browser, "#matches"), format!("{} tests", all.len()));

    browser.type_into("#filter-text", "FLUSH::keeps");
    settle(&browser);
    let want: BTreeSet<String> =
        all.iter().map(|test| test.key.to_string()).filter(|key| key.contains("flush::keeps")).collect();
    assert!(!want.is_empty());
    assert_eq!(names(&browser).into_iter().collect::<BTreeSet<_>>(), want);
    assert_eq!(text(&browser, "#matches"), format!("{} of {} tests", want.len(), all.len()));

    browser.script(
        "const input = document.getElementById('filter-text');
         input.value = '';
         input.dispatchEvent(new Event('input'))",
    );
    browser.click("#filter-state");
    browser.type_into("#filter-state", "flaky");
    browser.press([keys::ENTER]);
    settle(&browser);
    let flaky: BTreeSet<String> =
        all.iter().filter(|test| test.state == "flaky").map(|test| test.key.to_string()).collect();
    assert_eq!(names(&browser).into_iter().collect::<BTreeSet<_>>(), flaky);

    browser.type_into("#filter-text", "no test is called that");
    settle(&browser);
    assert_eq!(names(&browser), Vec::<String>::new());
    assert_eq!(text(&browser, "#matches"), format!("0 of {} tests", all.len()));
}

#[test]
#[ignore = "needs Chromium and chromedriver"]
fn ten_thousand_tests_come_in_chunks() {
    let browser = open("large");
    assert_eq!(text(&browser, "#matches"), "10,000 tests");
    assert_eq!(names(&browser).len(), 100);
    browser.script("document.getElementById('more').scrollIntoView()");
    browser.script_later("setTimeout(arguments[0], 300)");
    let after = names(&browser).len();
    assert!(after > 100 && after < 10_000, "{after}");
    browser.script("scrollTo(0, 0)");
    browser.type_into("#filter-text", "_9999");
    settle(&browser);
    assert_eq!(names(&browser).len(), 1);
}

#[test]
#[ignore = "needs Chromium and chromedriver"]
fn the_theme_follows_the_system_until_the_reader_chooses() {
    let browser = open("small");
    let background = || {
        let color = browser.script("return getComputedStyle(document.body).backgroundColor");
        color.as_str().unwrap().to_owned()
    };
    browser.prefer("light");
    let light = background();
    browser.prefer("dark");
    let dark = background();
    assert_ne!(light, dark);
    assert_eq!(text(&browser, "#theme"), "Theme: auto");

    browser.click("#theme");
    assert_eq!((text(&browser, "#theme").as_str(), background()), ("Theme: light", light.clone()));
    browser.prefer("light");
    browser.click("#theme");
    assert_eq!((text(&browser, "#theme").as_str(), background()), ("Theme: dark", dark.clone()));
    browser.reload();
    assert_eq!((text(&browser, "#theme").as_str(), background()), ("Theme: dark", dark));
    browser.click("#theme");
    assert_eq!((text(&browser, "#theme").as_str(), background()), ("Theme: auto", light));
}

#[test]
#[ignore = "needs Chromium and chromedriver"]
fn hostile_names_stay_text() {
    let browser = open("hostile");
    let count = |selector: &str| browser.script(&format!("return document.querySelectorAll(`{selector}`).length"));
    // The theme, the values, and the page's own script.
    assert_eq!(count("script"), 3);
    assert_eq!(count("img, iframe, object, embed, base, link, form[action], body title"), 0);
    let handlers = browser.script(
        "return [...document.querySelectorAll('*')].flatMap((one) => one.getAttributeNames()).filter((name) => \
         name.startsWith('on') || name === 'autofocus' || name === 'style')",
    );
    assert_eq!(handlers, Value::Array(Vec::new()));
    let addresses = browser.script("return [...document.querySelectorAll('a')].map((one) => one.protocol)");
    let known = |address: &Value| matches!(address.as_str(), Some("file:" | "https:"));
    assert!(addresses.as_array().unwrap().iter().all(known), "{addresses}");
    let shown: BTreeSet<String> = names(&browser).into_iter().collect();
    for name in retrospects::HOSTILE {
        let name = one_line(name);
        let key = format!("{name}/test:{name}::{name}");
        assert!(shown.contains(&key), "{key}");
    }
    assert_eq!(shown.len(), retrospects::HOSTILE.len() + 1);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
#[ignore = "needs Chromium and chromedriver"]
fn the_tab_key_reaches_everything() {
    let browser = open("hostile");
    let wanted = browser.script(
        "window.reached = new Set();
         document.addEventListener('focusin', (event) => reached.add(event.target));
         window.wanted = [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex=\"0\"]')]
             .filter((one) => !one.disabled && one.checkVisibility());
         return wanted.length",
    );
    let wanted = usize::try_from(wanted.as_u64().unwrap()).unwrap();
    assert!(wanted > 50, "{wanted}");
    // Scrolling brings more rows, which hold nothing to stop at.
    browser.press(std::iter::repeat_n(keys::TAB, wanted + 20));
    let missed =
        browser.script("return wanted.filter((one) => !reached.has(one)).map((one) => one.outerHTML.slice(0, 200))");
    assert_eq!(missed, Value::Array(Vec::new()));
    let outline = browser.script(
        "const link = document.querySelector('.contents a');
         link.focus({focusVisible: true});
         return getComputedStyle(link).outlineStyle",
    );
    assert_eq!(outline, "solid");
}

#[test]
#[ignore = "needs Chromium and chromedriver"]
fn arrows_walk_through_the_map() {
    let browser = open("typical");
    let tip = || texts(&browser, "#tip:not([hidden]) p");
    let focus = |selector: &str| browser.script(&format!("document.querySelector('{selector}').focus()"));
    focus("[data-strip=\"0\"]");
    let latest = tip();
    assert!(latest[0].contains("::") && latest[1].starts_with("failed"), "{latest:?}");
    browser.press([keys::LEFT]);
    let before = tip();
    assert_eq!(before[0], latest[0]);
    assert_ne!(before.last(), latest.last());
    browser.press([keys::DOWN]);
    let below = tip();
    assert_ne!(below[0], latest[0]);
    assert_eq!(below.last(), before.last());
    let said = browser.script("return document.activeElement.getAttribute('aria-valuetext')");
    assert_eq!(said, below.join(", "));

    focus("[data-strip=\"runs\"]");
    browser.press([keys::HOME]);
    assert!(tip()[1].starts_with("took "), "{:?}", tip());
    focus("#filter-text");
    assert_eq!(tip(), Vec::<String>::new());
}

#[test]
#[ignore = "needs Chromium and chromedriver"]
fn no_page_is_wider_than_its_window() {
    let browser = Browser::start();
    for name in HISTORIES {
        let page = page(name);
        for width in WIDTHS.into_iter().chain([320]) {
            browser.resize(width, 900);
            browser.open(&page);
            browser.script("for (const one of document.querySelectorAll('details')) one.open = true");
            let wide = browser.script("return document.documentElement.scrollWidth");
            assert_eq!(wide, width, "{name}");
        }
    }
}

#[test]
#[ignore = "needs Chromium and chromedriver"]
fn axe_finds_nothing() {
    let axe = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/axe/axe.min.js");
    let axe = fs::read_to_string(axe).unwrap();
    let browser = Browser::start();
    for name in ["empty", "small", "typical", "hostile"] {
        let page = page(name);
        for (width, scheme) in WIDTHS.into_iter().zip(SCHEMES).chain(WIDTHS.into_iter().rev().zip(SCHEMES)) {
            browser.resize(width, 900);
            browser.prefer(scheme);
            browser.open(&page);
            browser.script("for (const one of document.querySelectorAll('details')) one.open = true");
            let findings = browser.script_later(&format!(
                "const done = arguments[0];
                 {axe}
                 axe.run(document, {{resultTypes: ['violations']}}).then(
                     (found) => done(found.violations.map((one) => [
                         one.help, ...one.nodes.map((node) => node.html.slice(0, 200) + node.failureSummary)])),
                     (error) => done(String(error)))"
            ));
            assert_eq!(findings, Value::Array(Vec::new()), "{name}, {width} wide, {scheme}");
        }
    }
}
