#!/usr/bin/env bash
# Makes the demo model from nothing: pictures, tokenizer, training, export, evaluation. Interrupted, it
# goes on where it was. Everything lies in work/ beside this file.
#
#   ./make.sh            the steps that the figures in README.md were made with
#   STEPS=500 ./make.sh  a short try
set -euo pipefail
cd "$(dirname "$0")"
apt-get install --yes --no-install-recommends fonts-noto-color-emoji unicode-cldr-core unicode-data libfribidi0
[ -x work/venv/bin/python ] || python3 -m venv work/venv
work/venv/bin/pip install --quiet --requirement requirements.txt
python=work/venv/bin/python
$python generate.py work/pictures --shards "${SHARDS:-60}"
[ -f work/tokenizer.json ] || $python tokenizer.py work/pictures work/tokenizer.json
$python -u train.py work/pictures work/tokenizer.json work/checkpoint.pt --steps "${STEPS:-6250}"
$python export.py work/checkpoint.pt work/tokenizer.json work/model
$python evaluate.py work/model | tee work/evaluation.md
# What halving the weights costs.
$python export.py work/checkpoint.pt work/tokenizer.json work/model-f32 --whole
$python evaluate.py work/model-f32 >work/evaluation-f32.md
diff work/evaluation.md work/evaluation-f32.md || true
