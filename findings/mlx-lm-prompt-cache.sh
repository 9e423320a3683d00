#!/usr/bin/env bash
# mlx_lm's prompt cache (a trie of token prefixes, with an LRU): a look-up beside a long entry, and
# what a look-up does to the order of eviction.
#
# Guess before the run: a look-up costs as much as the prompt is long, so a short prompt that parts
# from a long cached one after three tokens is found at once; and a prompt that was just looked up is
# the last to be evicted.
# Seen: mlx-lm 0.32.2: the look-up walks down the whole long entry and copies the path at each step,
# so its time grows with the square of that entry (four times as long: some sixteen times the
# time; 19 s beside 100,000 tokens on a slow machine, on the thread that generates). Only an insert
# refreshes the order: the entry that was looked up goes first.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv venv >/dev/null
venv/bin/pip install --quiet mlx-lm==0.32.2 "mlx[cpu]==0.32.4" 2>/dev/null
cat >look.py <<'PY'
import time
from mlx_lm.models import cache

def seconds(tokens: int) -> float:
    """Of a look-up of ten tokens, seven of them new, beside an entry of so many: the best of three."""
    trie = cache.PromptTrie()
    trie.add("model", [n % 900 for n in range(tokens)], "entry")
    asked, best = [0, 1, 2, *range(901, 908)], 1e9
    for _ in range(3):
        began = time.perf_counter()
        trie.search("model", asked)
        best = min(best, time.perf_counter() - began)
    return best

short, long = seconds(8_000), seconds(32_000)
print(f"look-up beside 8,000 tokens {short:.3f} s, beside 32,000 {long:.3f} s")
print("grows faster than the entry:", long / short > 8)

class Layer:
    """The least that the cache asks of a layer."""
    nbytes = 1
    def is_trimmable(self): return False

lru = cache.LRUPromptCache(max_size=2)
lru.insert_cache("model", [1, 1], [Layer()])
lru.insert_cache("model", [2, 2], [Layer()])
assert lru.fetch_nearest_cache("model", [1, 1])[0] is not None  # the first is used again
lru.insert_cache("model", [3, 3], [Layer()])
kept = [n for n in (1, 2, 3) if lru.fetch_nearest_cache("model", [n, n])[0] is not None]
print("kept:", kept)
PY
seen=$(timeout 120 venv/bin/python look.py)
echo "$seen"
echo "mlx-lm $(venv/bin/pip show mlx-lm | sed -n 's/^Version: //p')"
echo "$seen" | grep -q "grows faster than the entry: True" && echo "$seen" | grep -qx "kept: \[2, 3\]"
