"""The record of `gpu.py`: its rows with their ratios, the printed table, the files, and the chart."""

import csv
import json
import re

OURS = "fastssim"
FIELDS = [
    "shape",
    "pixel",
    "work",
    "library",
    "kernel_us",
    "device_us",
    "call_us",
    "floor_us",
    "of_floor",
    "of_ours",
    "kernel_of_ours",
]


def name(shape):
    return "x".join(map(str, shape))


def rows(ours, peers):
    """All rows in one form, ours first of each work. `of_floor` and `of_ours` are ratios of calls' times (`device_us`),
    `kernel_of_ours` of kernels'; `call_us` is what the caller is busy, which is known of ours alone."""
    by_work = {(name(row["shape"]), row["pixel"], row["work"]): row for row in ours}
    found = []
    for key, row in by_work.items():
        group = [{**row, "library": OURS}]
        group += [peer for peer in peers if (name(peer["shape"]), peer["pixel"], peer["work"]) == key]
        for each in group:
            kernel = each["kernel_us"]
            found.append(
                {
                    "shape": name(each["shape"]),
                    "pixel": each["pixel"],
                    "work": each["work"],
                    "library": each["library"],
                    "kernel_us": kernel,
                    "device_us": each["device_us"],
                    "call_us": each.get("call_us"),
                    "floor_us": row["floor_us"],
                    "of_floor": each["device_us"] / row["floor_us"],
                    "of_ours": each["device_us"] / row["device_us"],
                    "kernel_of_ours": kernel and kernel / row["kernel_us"],
                }
            )
    return found


def number(value, digits):
    return "-" if value is None else f"{value:.{digits}f}"


def show(record):
    """Prints the table, what is absent, and the throughput of pairs from the host."""
    print(f"{record['device']}, a copy moves {record['copy_bytes_per_second'] / 1e12:.2f} TB/s")
    print(
        f"{'shape':>13} {'pixel':>5} {'work':>16} {'library':>15}"
        f" {'kernel us':>10} {'call us':>9} {'caller us':>9} {'floor us':>8}"
        f" {'x floor':>7} {'x ours':>7} {'x our kernel':>12}"
    )
    for row in record["rows"]:
        print(
            f"{row['shape']:>13} {row['pixel']:>5} {row['work']:>16} {row['library']:>15}"
            f" {number(row['kernel_us'], 1):>10} {number(row['device_us'], 1):>9}"
            f" {number(row['call_us'], 2):>9} {number(row['floor_us'], 1):>8}"
            f" {number(row['of_floor'], 2):>7} {number(row['of_ours'], 2):>7} {number(row['kernel_of_ours'], 2):>12}"
        )
    for library, version in record["libraries"].items():
        print(f"{library}: {version}")
    print(f"from the host's memory a copy moves {record['host_copy_bytes_per_second'] / 1e9:.1f} GB/s")
    for row in record["host_stream"]:
        print(
            f"{name(row['shape'])} {row['pixel']} {row['work']} from {row['from']} over {row['streams']} stream(s):"
            f" {row['pairs_per_second']:.0f} pairs/s, {row['bytes_per_second'] / 1e9:.1f} GB/s,"
            f" {100 * row['share']:.0f} % of the copy"
        )


def write(record, folder):
    """The record as JSON, its rows as CSV, and the chart: three files named for the date and the card."""
    card = re.sub(r"[^a-z0-9]+", "-", record["device"].lower().removeprefix("nvidia")).strip("-")
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"{record['date']}-{card}-gpu"
    stem.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n")
    with stem.with_suffix(".csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(record["rows"])
    draw(record, stem.with_suffix(".svg"))


def draw(record, path):
    """Time over image size, of one image of three channels in f32: a panel for each work, a line for each library."""
    try:
        import matplotlib
    except ImportError as error:
        print(f"matplotlib: absent ({error}), so there is no chart; --draw makes it of the record elsewhere")
        return
    matplotlib.use("svg")
    # The same bytes for the same record; text stays text.
    matplotlib.rcParams.update({"svg.hashsalt": OURS, "svg.fonttype": "none"})
    import matplotlib.pyplot as plt

    lines = {}
    for row in record["rows"]:
        images, channels, height, width = map(int, row["shape"].split("x"))
        if (images, channels, row["pixel"]) == (1, 3, "f32"):
            points = lines.setdefault(row["work"], {})
            points.setdefault(row["library"], []).append((height * width, row["device_us"]))
            if row["library"] == OURS:
                points.setdefault("the bytes alone", []).append((height * width, row["floor_us"]))
    works = [work for work in ("forward", "value + gradient") if work in lines]
    figure, panels = plt.subplots(1, len(works), figsize=(5.2 * len(works), 4.2), sharey=True, squeeze=False)
    labels = {256**2: "256²", 512**2: "512²", 1024**2: "1024²", 1080 * 1920: "1080p", 2160 * 3840: "2160p"}
    for panel, work in zip(panels[0], works):
        for library, points in lines[work].items():
            style = {
                OURS: {"linewidth": 3, "color": "tab:red", "zorder": 3},
                "the bytes alone": {"linestyle": "--", "color": "gray"},
            }.get(library, {"linewidth": 1.5})
            panel.plot(*zip(*sorted(points)), marker="o", markersize=4, label=library, **style)
        panel.set(xscale="log", yscale="log", title=work, xlabel="pixels, of three channels")
        panel.set_xticks(list(labels), labels.values())
        panel.minorticks_off()
        panel.grid(alpha=0.3)
    panels[0][0].set_ylabel("microseconds a call")
    panels[0][-1].legend(fontsize=8)
    figure.suptitle(f"{record['device']}, f32 in the device's memory", fontsize=10)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    print(f"{path} is drawn")
