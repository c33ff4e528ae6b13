"""Every fusion with every reader of text, over several seeds: one table.

    python -m numnet.study.compare [--seeds 3] [--out runs/compare]

Trains each pair as `numnet train --data easy-vqa --fusion … --text … --seed …` does,
and the joint embedding as `numnet train --task match` does. Runs that are finished are
not trained again. Writes compare.csv and prints the table in Markdown.
"""

import argparse
import csv
import io
import json
import sys
from pathlib import Path

from numnet import checkpoint, runs
from numnet.recipes import CHOICES, configure


def trained(folder, **chosen):
    """The metrics of a run, trained now unless it was before."""
    if not (folder / "metrics.json").is_file():
        if (folder / "config.json").is_file():
            return runs.go_on(folder)
        return runs.start(configure(data="easy-vqa", **chosen), folder)
    return json.loads((folder / "metrics.json").read_text(encoding="utf-8"))


def compare(seeds, out):
    """A row for each run: fusion, text, seed, accuracy, parameters, seconds."""
    rows = []
    for seed in range(seeds):
        for fusion in CHOICES["fusion"]:
            for text in CHOICES["text"]:
                metrics = trained(out / f"{fusion}-{text}-{seed}",
                                  fusion=fusion, text=text, seed=seed)
                rows.append((fusion, text, seed, metrics["test_accuracy"],
                             metrics["parameters"], metrics["seconds"]))
        metrics = trained(out / f"joint-{seed}", task="match", seed=seed)
        for direction in "caption_of_picture", "picture_of_caption":
            rows.append(("joint embedding", direction.replace("_", " "), seed,
                         metrics[f"recall_at_1_{direction}"], metrics["parameters"],
                         metrics["seconds"]))
    return rows


def table(rows):
    """The rows in Markdown: a line for each fusion, a column for each reader of text.

    A cell has the accuracy of every seed in per cent, parameters, and mean seconds.
    """
    def cell(pair):
        same = [row for row in rows if row[:2] == pair]
        return (f"{' · '.join(f'{100 * row[3]:.2f}' for row in same)}<br>"
                f"{same[0][4] / 1000:.0f} k, "
                f"{sum(row[5] for row in same) / len(same):.0f} s")

    def lines(fusions, texts):
        yield "| " + " | ".join(["fusion", *texts]) + " |"
        yield "|---" * (len(texts) + 1) + "|"
        for fusion in fusions:
            yield "| " + " | ".join([fusion, *(cell((fusion, text)) for text in texts)]
                                    ) + " |"

    joint = [row[1] for row in rows if row[0] == "joint embedding"]
    return "\n".join([*lines(CHOICES["fusion"], CHOICES["text"]), "",
                      *lines(["joint embedding"], dict.fromkeys(joint))])


def main(argv=None):
    parser = argparse.ArgumentParser(description="Compare fusions and readers of text.")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("runs/compare"))
    arguments = parser.parse_args(argv)
    if arguments.seeds < 1:
        parser.error(f"--seeds must be at least 1, got {arguments.seeds}")
    rows = compare(arguments.seeds, arguments.out)
    text = io.StringIO(newline="")
    csv.writer(text).writerows(
        [("fusion", "text", "seed", "accuracy", "parameters", "seconds"), *rows])
    checkpoint.write_text(arguments.out / "compare.csv", text.getvalue())
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
