#!/bin/sh
# Makes Python stubs of coffey.v1 beside this file, in stubs/. Needs: pip install grpcio-tools googleapis-common-protos
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
protos=$here/../../../proto/src/main/protobuf
# google/rpc/status.proto comes with googleapis-common-protos.
common=$(python3 -c 'import google.rpc, os; print(os.path.dirname(os.path.dirname(list(google.rpc.__path__)[0])))')
mkdir -p "$here/stubs"
python3 -m grpc_tools.protoc -I "$protos" -I "$common" --python_out="$here/stubs" --grpc_python_out="$here/stubs" \
  "$protos"/coffey/v1/*.proto
