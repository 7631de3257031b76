#!/bin/sh
# cl_export writes a model that ONNX Runtime and OpenCV read, if they are there; its mistakes are reported.
. "$(dirname "$0")/common.sh"
few photos 4
"$TOOLS/cl_train" --net "$LITTLE" --image-size 20x24 --flip --seed 7 -e 2 -q photos -o run || complain "no training"

succeed "$TOOLS/cl_export" run -o run.onnx
succeed "$TOOLS/cl_export" run/model.safetensors -o same.onnx
cmp run.onnx same.onnx || complain "a run folder and its model differ"
"$TOOLS/cl_export" run -o - >streamed.onnx 2>err.txt || complain "$(cat err.txt)"
cmp run.onnx streamed.onnx || complain "standard output got another file"
succeed "$TOOLS/cl_export" --unit-length run -o unit.onnx
cmp -s run.onnx unit.onnx && complain "--unit-length changes nothing"

expect 2 '^cl_export: name a model and a file, as: cl_export runs/1 -o photos.onnx$' "$TOOLS/cl_export" run
expect 2 '^cl_export: run.pb: its name does not tell the format; end it with .onnx or .c$' "$TOOLS/cl_export" run -o run.pb
expect 1 '^cl_export: nothing: ' "$TOOLS/cl_export" nothing -o nothing.onnx
expect 1 '^cl_export: no/folder.onnx: ' "$TOOLS/cl_export" run -o no/folder.onnx
[ ! -e nothing.onnx ] || complain "a failure left a file"

# A picture as other programs see it: its bytes, height x width x channels.
if python3 -c 'import onnxruntime' 2>/dev/null; then
    cat >read.py <<'END'
import sys
import numpy as np
import onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
notes = session.get_modelmeta().custom_metadata_map
image = np.frombuffer(bytes.fromhex(notes["test_image"]), np.uint8).reshape(1, *session.get_inputs()[0].shape[1:])
want = np.array(notes["test_feature"].split(), np.float32)
got = session.run(["feature"], {"image": image})[0][0]
print(np.abs(got - want).max() < 1e-5 * np.abs(want).max(), abs(float((want * want).sum()) - 1) < 1e-5)
END
    succeed python3 read.py run.onnx
    says '^True False$'
    succeed python3 read.py unit.onnx
    says '^True True$'
else
    echo "ONNX Runtime is not there: its part is left out"
fi
finish
