"""What other tools keep: DVC's files and remotes, and git tags in GTO's grammar.

- `repository`: the files of a DVC repository, as they lie there or as a commit has them;
- `dvc`: what DVC tracks and where its remote keeps it, read from DVC's own small files, without DVC;
- `full`: the same through DVC itself (the extra `[dvc]`), for whatever is unusual;
- `fetching`: bytes from a remote, held against their MD5;
- `data`: what a registration asks of the repository around it; `checkout` is the way back;
- `tags`: git tags that name versions and stages.

Importing DVC takes longer than registering a small model, and brings a hundred packages. Nearly all repositories use a
part of it that is a few lines of YAML, so that part is read here, and `tests/clients/test_dvc.py` holds it against DVC.
Whatever is not understood completely is not guessed: it is `UnusualError`, and DVC itself is asked.
"""
