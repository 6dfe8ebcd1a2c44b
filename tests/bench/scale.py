"""What a message costs by how many there are: runs of 1,000, 10,000 and 100,000 through one stack.

`python -m tests.bench.scale [--messages 1000 10000 100000]`
"""

from __future__ import annotations

import argparse
from dataclasses import asdict

from tests.bench.posthorn import running_posthorn
from tests.bench.results import keep

PORT_BASE = 20800


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, nargs="+", default=[1000, 10_000, 100_000])
    given = parser.parse_args()
    with running_posthorn(PORT_BASE) as posthorn:
        posthorn.warm_up()
        runs = [posthorn.run(messages) for messages in given.messages]
    first, last = runs[0].ours_cpu_s_per_1000, runs[-1].ours_cpu_s_per_1000
    keep("scale", {"cpu_of_the_last_to_the_first": round(last / first, 2), "runs": [asdict(run) for run in runs]})


if __name__ == "__main__":
    main()
