"""What the action's container starts.

Isolated mode (`python3 -I`) keeps the user's workspace, which is the working folder, off the module search path; a
`docker.py` there would shadow the SDK. It leaves out this file's folder too, so that is named here.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from ecr_lambda_deploy.main import main  # found by the line above

sys.exit(main())
