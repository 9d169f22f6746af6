"""What n samples of one question cost: by nlq's sampler, by n requests, by a server over HTTP, by plain generate.

    python benchmarks/speed_samples.py [--sampler llama|transformers] [--n 1 4 16 64] [--server URL] [--out FOLDER]

Every draw has a prompt of its own, which no cache holds, but for its samples. The ways take turns, so that a busy
moment of the machine hits all of them; a row is the median of --repeat turns after a short one. "server" is the server
at --server (vLLM), else llama.cpp's own over HTTP. With llama.cpp plain generate needs --generate, as its weights are
unpacked.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Mapping

from measuring import Row, Table, parser, report, seconds_of
from models import Generate, drawn, options, prompt, runtime_for, server_for

from nlq.ports import Sampler
from nlq.types import Prompt, SamplingParams

Way = Callable[[Prompt, SamplingParams], int]


def main() -> None:
    args = _arguments()
    with (
        runtime_for(args, generate=args.generate) as (sampler, plain),
        server_for(sampler, args.server, args.model) as served,
    ):
        named = ways(sampler, served, plain)
        for name, way in named.items():
            way(prompt(f"{name} warm", 40), SamplingParams(n=1, max_tokens=4))
        measured = {n: turns(named, n, args) for n in args.n}
    report("speed-samples", tables(measured, sampler.name), args)


def ways(sampler: Sampler, served: Sampler | None, plain: Generate | None) -> Mapping[str, Way]:
    def requests(asked: Prompt, params: SamplingParams) -> int:
        one = [params.with_(n=1, seed=params.seed + i) for i in range(params.n)]
        return sum(_tokens(sampler, asked, each) for each in one)

    found: dict[str, Way] = {"nlq": lambda asked, params: _tokens(sampler, asked, params), "n requests": requests}
    if served:
        found["server"] = lambda asked, params: _tokens(served, asked, params)
    return found | ({"generate": plain} if plain else {})


def turns(named: Mapping[str, Way], n: int, args: argparse.Namespace) -> Mapping[str, tuple[float, float]]:
    """Seconds and tokens of each way, the medians over turns."""
    found: dict[str, list[tuple[float, int]]] = {name: [] for name in named}
    for turn in range(args.repeat):
        for name, way in named.items():
            params = SamplingParams(n=n, max_tokens=args.new_tokens, seed=turn * 1000)
            seconds, tokens = seconds_of(lambda: way(prompt(f"{name} {n} {turn}", args.prompt_tokens), params))  # noqa: B023  # called at once
            found[name].append((seconds, tokens))
    return {
        name: (statistics.median(s for s, _ in runs), statistics.median(t for _, t in runs))
        for name, runs in found.items()
    }


def tables(measured: Mapping[int, Mapping[str, tuple[float, float]]], model: str) -> list[Table]:
    first = min(measured)
    rows: list[Row] = []
    for n, found in measured.items():
        ours = found["nlq"][0]
        for name, (seconds, tokens) in found.items():
            rows.append(
                {
                    "n": n,
                    "way": name,
                    "seconds": seconds,
                    "tokens/s": tokens / seconds,
                    f"times n = {first}": seconds / measured[first][name][0],
                    "times nlq": seconds / ours,
                }
            )
    return [Table(f"n samples of one question, {model}", rows)]


def _tokens(sampler: Sampler, asked: Prompt, params: SamplingParams) -> int:
    return sum(candidate.tokens for candidate in drawn(sampler, asked, params))


def _arguments() -> argparse.Namespace:
    made = parser(__doc__)
    options(made)
    made.add_argument("--n", type=int, nargs="+", default=[1, 4, 16, 64])
    made.add_argument("--prompt-tokens", type=int, default=800)
    made.add_argument("--new-tokens", type=int, default=80)
    made.add_argument("--repeat", type=int, default=3)
    made.add_argument("--server", help="base URL of an OpenAI-compatible server, ending in /v1")
    made.add_argument("--generate", help="weights for plain generate beside llama.cpp: a folder, hub id or .gguf file")
    args = made.parse_args()
    if args.tiny:
        args.n, args.prompt_tokens, args.new_tokens, args.repeat = [1, 3], 60, 6, 1
    return args


if __name__ == "__main__":
    main()
