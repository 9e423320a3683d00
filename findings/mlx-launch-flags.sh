#!/usr/bin/env bash
# mlx.launch, which starts a program on several machines: whose flags stand behind the program's name?
#
# Guess before the run: as with mpirun and torchrun, the launcher's end where the program begins.
# Seen (mlx 0.32.4): it looks for its own anywhere. A --verbose, -n or --cwd meant for the program never
# reaches it (and -n 2 starts it twice), a unique beginning such as --back is taken too, and --host, which
# servers have (mlx_lm.server), ends it: "ambiguous option: --host could match --hosts, --hostfile".
# A `--` before the program keeps them apart.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv venv >/dev/null
packages=(mlx==0.32.4); [ "$(uname)" = Linux ] && packages=('mlx[cpu]==0.32.4')
venv/bin/pip install --quiet "${packages[@]}" 2>/dev/null
printf 'import sys\nprint("got", sys.argv[1:], flush=True)\n' > program.py

python="$dir/venv/bin/python"
launch() { timeout 60 venv/bin/mlx.launch --backend ring "$@" 2>&1 | grep -E '^got|ambiguous' || true; }
is() { printf '%-46s %s\n' "$1" "$2"; [ "$2" = "$3" ] || { echo "has changed: expected $3"; exit 1; }; }

is "program.py --model m" "$(launch "$python" "$dir/program.py" --model m)" "got ['--model', 'm']"
is "program.py --verbose" "$(launch "$python" "$dir/program.py" --verbose)" "got []"
is "program.py --back ring x" "$(launch "$python" "$dir/program.py" --back ring x)" "got ['x']"
is "program.py -n 2 (times started)" "$(launch "$python" "$dir/program.py" -n 2 | grep -c got)" 2
launch "$python" "$dir/program.py" --host 127.0.0.1 > host.txt
is "program.py --host 127.0.0.1" "$(grep -o 'ambiguous option: --host' host.txt)" "ambiguous option: --host"
is "-- program.py --verbose --host 127.0.0.1" \
  "$(launch -- "$python" "$dir/program.py" --verbose --host 127.0.0.1)" \
  "got ['--verbose', '--host', '127.0.0.1']"
