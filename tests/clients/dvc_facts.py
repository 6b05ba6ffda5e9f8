"""What DVC itself says of outputs: MD5, size and URL. Run by the Python of .clients/dvc, which has nothing of ours."""

import json
import sys
from pathlib import Path

import dvc.api
from dvc.repo import Repo


def facts(path, revision):
    with Repo(".", rev=revision or None) as repo:
        (out,) = repo.find_outs_by_path(repo.fs.join(repo.root_dir, *path.split("/")))
        deps = {repo.fs.relpath(dep.fs_path, repo.root_dir): dep.hash_info.value for dep in out.stage.deps}
        md5, size = out.hash_info.value, out.meta.size
    return {"md5": md5, "size": size, "url": dvc.api.get_url(path, ".", revision or None), "inputs": deps}


revision = sys.argv[2]
Path(sys.argv[1]).write_text(json.dumps({path: facts(path, revision) for path in sys.argv[3:]}))
