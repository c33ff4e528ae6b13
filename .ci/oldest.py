"""Print the lowest versions that setup.cfg allows, as constraints for pip.

    oldest.py             numpy==2.0 and so on, one a line
    oldest.py python      the lowest Python, such as 3.10
"""

import configparser
import re
import sys

setup = configparser.ConfigParser()
setup.read("setup.cfg", encoding="utf-8")
if sys.argv[1:] == ["python"]:
    print(setup["options"]["python_requires"].removeprefix(">="))
else:
    wanted = setup["options"]["install_requires"]
    wanted += "".join(setup["options.extras_require"].values())
    print("\n".join(re.findall(r"[\w.-]+[>=]=[\d.]+", wanted)).replace(">=", "=="))
    print("pyparsing==2.4.7")          # newer ones warn of what that Matplotlib does
