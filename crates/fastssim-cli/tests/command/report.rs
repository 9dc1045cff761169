//! The report: what its page holds, and what a browser makes of it.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::{Folder, skipped, texture};

/// A name that is also HTML.
const HOSTILE: &str = "<!--<script><img src=x onerror=hacked=1>&amp;'\".png";

/// Two folders of twelve pairs: one is damaged, one has a hostile name, and the noise of the others grows.
fn folders() -> Folder {
    let folder = Folder::new();
    for index in 0..11 {
        let name = format!("pic{index}.png");
        let reference = texture(40, 30, 1);
        let mut distorted = reference.clone();
        for (x, y, pixel) in distorted.enumerate_pixels_mut() {
            if (x * 7 + y * 3) % 12 < index {
                pixel.0 = texture(40, 30, 2)[(y % 30, x % 30)].0;
            }
        }
        folder.save(format!("a/{name}"), reference);
        folder.save(format!("b/{name}"), distorted);
    }
    for side in ["a", "b"] {
        folder.save(
            format!("{side}/{HOSTILE}"),
            texture(700, 500, if side == "a" { 1 } else { 2 }),
        );
    }
    folder.write("b/pic5.png", "no image");
    folder
}

/// 450 frames of gray, 16x16, the distorted ones brighter from frame 300 on.
fn video(folder: &Folder) {
    let video = |brighter: u8| {
        let mut bytes = b"YUV4MPEG2 W16 H16 F50:1 C444\n".to_vec();
        for frame in 0..450_u32 {
            bytes.extend(b"FRAME\n");
            let noise = |at: u32| (at * 7 + at * at % 31 + frame) as u8 % 100;
            bytes.extend((0..3 * 256).map(|at| noise(at) + if frame >= 300 { brighter } else { at as u8 % 3 }));
        }
        bytes
    };
    folder.write("a.y4m", video(0));
    folder.write("b.y4m", video(90));
}

/// The data that stand in the page.
fn data(page: &str) -> Value {
    let start = page.find("id=\"data\">").unwrap() + 10;
    serde_json::from_str(&page[start..start + page[start..].find("</script>").unwrap()]).unwrap()
}

/// The values of a column of the table.
fn column<'a>(data: &'a Value, key: &str) -> Vec<&'a Value> {
    let columns = data["columns"].as_array().unwrap();
    let at = columns.iter().position(|column| column["key"] == key).unwrap();
    data["rows"].as_array().unwrap().iter().map(|row| &row[at]).collect()
}

#[test]
fn the_page_holds_all_results_and_the_worst_with_their_pictures() {
    let folder = folders();
    let outcome = folder.run("compare a b --report page.html --worst 4 --format json --fail-under 0.5".split(' '));
    assert_eq!(outcome.code, Some(2), "one pair is damaged");
    let results: Value = serde_json::from_str(&outcome.out).unwrap();
    let data = data(&folder.read("page.html"));
    let results_of = |key| {
        results["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|record| &record[key])
            .collect::<Vec<_>>()
    };
    for key in ["distorted", "reference", "ssim", "dssim", "error"] {
        assert_eq!(column(&data, key), results_of(key), "{key}");
    }
    let mut scores: Vec<f64> = results_of("ssim").into_iter().filter_map(Value::as_f64).collect();
    scores.sort_by(f64::total_cmp);
    let worst = data["worst"].as_array().unwrap();
    let found: Vec<f64> = worst.iter().map(|exhibit| exhibit["score"].as_f64().unwrap()).collect();
    assert_eq!(found, scores[..4]);
    for exhibit in worst {
        // The large pair is shown smaller, with a part as it is; the others are whole.
        let is_large = exhibit["name"].as_str().unwrap().contains(HOSTILE);
        for name in ["reference", "distorted", "map"] {
            let size = |address: &Value| {
                let (_, encoded) = address.as_str().unwrap().split_once(";base64,").unwrap();
                let picture = image::load_from_memory(&BASE64_STANDARD.decode(encoded).unwrap()).unwrap();
                (picture.width(), picture.height())
            };
            assert_eq!(
                size(&exhibit[name]["whole"]),
                if is_large { (480, 343) } else { (40, 30) }
            );
            assert_eq!(exhibit[name]["detail"].is_null(), !is_large);
        }
    }
    assert_eq!(data["fail_under"], 0.5);
    assert_eq!(data["verdict"]["passed"], false);
    let verdict = data["verdict"]["text"].as_str().unwrap();
    assert!(verdict.contains("1 of 12 pairs failed"), "{verdict}");
}

#[test]
fn a_report_changes_no_result_and_is_made_of_one_pair_too() {
    let folder = folders();
    assert_eq!(
        folder.ssim("a/pic7.png b/pic7.png"),
        folder.ssim("a/pic7.png b/pic7.png --report page.html")
    );
    let data = data(&folder.read("page.html"));
    assert_eq!(column(&data, "distorted"), ["b/pic7.png"]);
    assert_eq!(data["worst"].as_array().unwrap().len(), 1);
    assert!(data["verdict"].is_null());
    folder.succeed("a/pic7.png b/pic7.png --report page.html --fail-under -0.5");
    let verdict = &self::data(&folder.read("page.html"))["verdict"];
    assert_eq!(verdict["text"], "Passed: --fail-under -0.5");
    assert_eq!(verdict["passed"], true);
    folder.succeed("a/pic7.png b/pic7.png --report page.html --worst 0");
    assert!(
        self::data(&folder.read("page.html"))["worst"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn the_page_of_a_video_holds_all_frames() {
    let folder = Folder::new();
    video(&folder);
    let csv = folder.succeed("video a.y4m b.y4m --report page.html --format csv");
    let data = data(&folder.read("page.html"));
    let frames: Vec<Vec<f64>> = csv
        .lines()
        .skip(1)
        .map(|line| line.split(',').map(|field| field.parse().unwrap()).collect())
        .collect();
    for (at, key) in [(0, "frame"), (1, "time"), (2, "ssim"), (4, "y"), (5, "u"), (6, "v")] {
        let found: Vec<f64> = column(&data, key)
            .into_iter()
            .map(|value| value.as_f64().unwrap())
            .collect();
        assert_eq!(found, frames.iter().map(|frame| frame[at]).collect::<Vec<_>>(), "{key}");
    }
    assert_eq!(data["worst"].as_array().unwrap().len(), 8);
    assert_eq!(data["series"].as_array().unwrap().len(), 4);
}

/// The browser, or the news that there is none.
fn browser() -> Option<PathBuf> {
    let folders = env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = env::split_paths(&folders)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|path| path.is_file());
    if found.is_none() {
        skipped(&format!("there is no browser on PATH, none of {}", names.join(", ")));
    }
    found
}

/// Opens the page in a browser, does to it what the script says, and returns the object `seen` that the script fills.
/// An error of the page's own script is a failure.
#[track_caller]
fn open(browser: &PathBuf, folder: &Folder, scheme: Scheme, script: &str) -> Value {
    let watch = "<script>var failures = []; onerror = (text) => failures.push(text);\
                 addEventListener('securitypolicyviolation', (event) => failures.push(event.blockedURI));</script>";
    // After the charts, which are drawn once the page has its size.
    let act = format!(
        "<script>addEventListener('load', () => setTimeout(() => {{ const seen = {{}};\
         const find = (name) => document.querySelector(name); const all = (name) => [...document.querySelectorAll(name)];\
         try {{ {script} }} catch (error) {{ failures.push(String(error)); }}\
         seen.failures = failures; const bytes = new TextEncoder().encode(JSON.stringify(seen));\
         document.body.dataset.seen = btoa(String.fromCharCode(...bytes)); }}, 300));</script>"
    );
    let page = folder
        .read("page.html")
        .replacen("<head>", &format!("<head>{watch}"), 1);
    let page = page.replacen("</body>", &format!("{act}</body>"), 1);
    folder.write("driven.html", page);
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(browser)
        // As root, as in a container, there is no sandbox.
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--virtual-time-budget=10000",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--blink-settings=preferredColorScheme={}", scheme as u8))
        .arg(format!("file://{}", folder.path("driven.html").display()))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&output.stdout);
    let start = dom.find("data-seen=\"").unwrap_or_else(|| {
        panic!(
            "the page did not come to its end: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    });
    let encoded = dom[start + 11..].split('"').next().unwrap();
    let seen: Value = serde_json::from_slice(&BASE64_STANDARD.decode(encoded).unwrap()).unwrap();
    assert_eq!(seen["failures"], Value::Array(vec![]), "the page has errors");
    seen
}

/// What the system prefers, as the browser numbers it.
#[derive(Clone, Copy)]
enum Scheme {
    Dark = 0,
    Light = 1,
}

#[test]
fn a_browser_shows_the_page_of_images() {
    let Some(browser) = browser() else { return };
    let folder = folders();
    folder.run("compare a b --report page.html --worst 4 --fail-under 0.9".split(' '));
    let data = data(&folder.read("page.html"));
    let seen = open(
        &browser,
        &folder,
        Scheme::Light,
        "const rows = () => all('#table tbody tr').map((row) => [...row.cells].map((cell) => cell.textContent));\
         const head = (name) => all('#table th button').find((button) => button.textContent === name);\
         seen.title = find('title').textContent; seen.rows = rows(); seen.hacked = window.hacked ?? null;\
         seen.verdict = find('#verdict').className; seen.tiles = all('#tiles dd').map((tile) => tile.textContent);\
         head('SSIM').click(); seen.ascending = rows(); head('SSIM').click(); seen.descending = rows();\
         head('Distorted').click(); seen.names = rows().map((row) => row[0]);\
         seen.sorted = find('th[aria-sort]').textContent;\
         const filter = find('#filter'); filter.value = 'PIC1'; filter.dispatchEvent(new Event('input'));\
         seen.filtered = rows().map((row) => row[0]); seen.count = find('#count').textContent;\
         filter.value = ''; filter.dispatchEvent(new Event('input'));\
         seen.bars = all('#histogram .bar').map((bar) => Number(bar.getAttribute('aria-label').split(': ')[1]));\
         seen.chosen = seen.bars.map((_, index) => { const bar = () => all('#histogram .bar')[index];\
           bar().dispatchEvent(new Event('click')); const count = rows().length;\
           bar().dispatchEvent(new Event('click')); return count; });\
         seen.after = rows().length;\
         seen.images = all('#exhibits img').map((image) => image.complete && image.naturalWidth);\
         seen.exhibits = all('#exhibits h3').map((title) => title.textContent);\
         seen.timeline = find('#timeline').hidden;\
         seen.loaded = performance.getEntriesByType('resource').map((entry) => entry.name)\
           .filter((name) => !name.startsWith('data:'));",
    );
    let texts = |value: &Value| -> Vec<String> {
        value
            .as_array()
            .unwrap()
            .iter()
            .map(|text| text.as_str().unwrap().into())
            .collect()
    };
    let scores = |rows: &Value| -> Vec<String> {
        rows.as_array()
            .unwrap()
            .iter()
            .map(|row| row[2].as_str().unwrap().into())
            .collect()
    };
    // All rows in the order of the results, scores as the command prints them, and names as text.
    let expected: Vec<&Value> = column(&data, "distorted");
    let found: Vec<&Value> = seen["rows"].as_array().unwrap().iter().map(|row| &row[0]).collect();
    assert_eq!(found, expected);
    assert_eq!(seen["hacked"], Value::Null);
    assert!(found.iter().any(|name| name.as_str().unwrap().ends_with(HOSTILE)));
    assert_eq!(
        (&seen["title"], &seen["verdict"]),
        (&"SSIM: b compared with a".into(), &"failed".into())
    );
    assert_eq!(seen["tiles"][0], "12");
    // Sorted both ways, what has no score last.
    let mut numbers: Vec<f64> = column(&data, "ssim").into_iter().filter_map(Value::as_f64).collect();
    numbers.sort_by(f64::total_cmp);
    let mut printed: Vec<String> = numbers
        .iter()
        .map(|score| {
            if *score == 1.0 {
                "1".into()
            } else {
                format!("{score:.6}")
            }
        })
        .collect();
    printed.push("–".into());
    assert_eq!(scores(&seen["ascending"]), printed);
    printed[..11].reverse();
    assert_eq!(scores(&seen["descending"]), printed);
    // By name, numbers in names by their value.
    let names = texts(&seen["names"]);
    let place = |name: &str| names.iter().position(|found| found.ends_with(name)).unwrap();
    assert!(place("pic2.png") < place("pic10.png"), "{names:?}");
    assert_eq!(seen["sorted"], "Distorted");
    assert_eq!(texts(&seen["filtered"]), ["b/pic1.png", "b/pic10.png"]);
    assert_eq!(seen["count"], "2 of 12 rows");
    // Each bar chooses as many rows as it says, and all bars have all scores.
    assert_eq!((&seen["chosen"], &seen["after"]), (&seen["bars"], &12.into()));
    let bars: Vec<u64> = seen["bars"]
        .as_array()
        .unwrap()
        .iter()
        .map(|count| count.as_u64().unwrap())
        .collect();
    assert_eq!(bars.iter().sum::<u64>(), 11);
    // The pictures of the worst are there.
    let images = seen["images"].as_array().unwrap();
    assert!(
        images.len() >= 12 && images.iter().all(|width| width.as_u64().is_some_and(|width| width > 0)),
        "{images:?}"
    );
    assert_eq!(seen["exhibits"].as_array().unwrap().len(), 4);
    assert!(
        seen["exhibits"][0]
            .as_str()
            .unwrap()
            .starts_with(&format!("{:.6} ", numbers[0]))
    );
    assert_eq!(seen["timeline"], true);
    assert_eq!(seen["loaded"], Value::Array(vec![]), "nothing is loaded from elsewhere");
}

#[test]
fn a_browser_shows_the_page_of_a_video() {
    let Some(browser) = browser() else { return };
    let folder = Folder::new();
    video(&folder);
    folder.succeed("video a.y4m b.y4m --report page.html --fail-under -0.5");
    let data = data(&folder.read("page.html"));
    let seen = open(
        &browser,
        &folder,
        Scheme::Light,
        "const rows = () => all('#table tbody tr').map((row) => Number(row.cells[0].textContent));\
         seen.pages = []; for (;;) { seen.pages.push(rows()); if (find('#next').disabled) break; find('#next').click(); }\
         seen.page = find('#page').textContent; find('#previous').click(); seen.back = rows()[0];\
         seen.verdict = find('#verdict').className;\
         const lines = () => all('#line .trace').map((line) => line.getAttribute('class'));\
         seen.lines = lines(); seen.points = find('#line .trace.total').getAttribute('d').split('L').length;\
         const boxes = all('#series input'); boxes[2].click(); seen.without = lines(); boxes[2].click();\
         const box = find('#line').getBoundingClientRect();\
         find('#line').dispatchEvent(new PointerEvent('pointermove', { clientX: box.right - 1, clientY: box.top + 50 }));\
         seen.tip = find('#timeline .tip').textContent; seen.shown = !find('#timeline .tip').hidden;\
         find('#line').dispatchEvent(new PointerEvent('pointerleave')); seen.hidden = find('#timeline .tip').hidden;\
         seen.images = all('#exhibits img').map((image) => image.complete && image.naturalWidth);",
    );
    let pages: Vec<Vec<u64>> = serde_json::from_value(seen["pages"].clone()).unwrap();
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [200, 200, 50]);
    assert_eq!(pages.concat(), (0..450).collect::<Vec<_>>());
    assert_eq!((&seen["page"], &seen["back"]), (&"3 / 3".into(), &200.into()));
    assert_eq!(seen["verdict"], "passed");
    // The total is drawn over the others.
    assert_eq!(
        seen["lines"],
        serde_json::json!(["trace v", "trace u", "trace y", "trace total"])
    );
    assert_eq!(
        seen["without"],
        serde_json::json!(["trace v", "trace y", "trace total"])
    );
    assert_eq!(seen["points"], 450);
    let last = column(&data, "ssim")[449].as_f64().unwrap();
    let tip = seen["tip"].as_str().unwrap();
    assert!(
        tip.starts_with(&format!("Frame 449, 8.980 s\nSSIM  {last:.6}\nY  ")),
        "{tip:?}"
    );
    assert_eq!((&seen["shown"], &seen["hidden"]), (&true.into(), &true.into()));
    assert_eq!(seen["images"], serde_json::json!([16].repeat(24)));
}

#[test]
fn a_browser_shows_the_page_light_and_dark() {
    let Some(browser) = browser() else { return };
    let folder = folders();
    folder.succeed("a/pic7.png b/pic7.png --report page.html");
    let script = "const light = () => { const canvas = document.createElement('canvas').getContext('2d');\
                  const sum = (color) => { canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);\
                    return canvas.getImageData(0, 0, 1, 1).data.slice(0, 3).reduce((a, b) => a + b) / 765; };\
                  const style = getComputedStyle(document.body);\
                  return [sum(style.backgroundColor), sum(style.color)]; };\
                  seen.system = light(); find('#theme').click(); seen.light = light();\
                  find('#theme').click(); seen.dark = light(); find('#theme').click(); seen.again = light();";
    let is_light = |value: &Value| {
        let [page, text] = [0, 1].map(|at| value[at].as_f64().unwrap());
        assert!((page - text).abs() > 0.7, "text can be read: {page} {text}");
        page > text
    };
    for (scheme, light) in [(Scheme::Light, true), (Scheme::Dark, false)] {
        let seen = open(&browser, &folder, scheme, script);
        let found = ["system", "light", "dark", "again"].map(|name| is_light(&seen[name]));
        assert_eq!(found, [light, true, false, light]);
    }
}
