"""Serve the version that stands in a stage over HTTP: `/ping`, `/invocations`, `/version`.

The way of a version into the server, one module per station::

    switch     asks the registry which version the stage has; loads a new one beside the old one, then swaps
    artifact   downloads the archive (SHA-256 checked), unpacks it into a folder of its own
    modules    imports `code/` of that folder, apart from the modules of every other version
    inference  runs `model_fn`, `input_fn`, `predict_fn`, `output_fn` on a request
    app        the three routes
    report     tells the registry once a minute what is live
    run        uvicorn and the threads that poll and report

`Switch` is the heart and knows neither HTTP nor files nor time: the registry, the loader and the clock are handed to
it. A request *leases* the live version for as long as it runs; a swap changes what the next request leases, and the
version that was replaced is closed when its last lease ends. So no request waits for a load, and none is dropped.

A version that cannot be loaded (its digest is wrong, its code raises) never becomes live: the one before goes on, and
`/version` says what failed. It is tried again ever more rarely, because its archive may be large and its fault lasting.
A stage that no version holds any more leaves the live version where it is, as an endpoint would.

FastAPI and uvicorn come with the extra `modelward[serving]`; only `app` and `run` import them. A model's own
requirements (numpy, scikit-learn) must be installed beside them.
"""
