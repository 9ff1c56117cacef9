"""What the action's container starts.

Isolated mode (`python3 -I`) keeps the user's workspace, which is the working folder, off the module search path; a
`docker.py` there would shadow the SDK. It leaves out this file's folder too, so that is named here.
"""

import gc
import sys
from pathlib import Path

gc.disable()  # until all is imported, which stays: to look for garbage in it takes a tenth of the start
sys.path.insert(0, str(Path(__file__).parent))

if sys.argv[1:]:  # GitHub passes none
    from ecr_lambda_deploy.command_line.program import main as command_line

    sys.exit(command_line())

from ecr_lambda_deploy.main import main  # noqa: E402 # found by the lines above

sys.exit(main())
