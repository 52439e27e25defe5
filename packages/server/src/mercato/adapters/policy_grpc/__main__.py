"""`python -m mercato.adapters.policy_grpc` serves Cedar rules."""

import sys

from mercato.adapters.policy_grpc.server import serve

serve(sys.argv[1:])
