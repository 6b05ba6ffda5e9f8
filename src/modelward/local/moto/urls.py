"""Which requests moto hands to which response class, in moto's form."""

from modelward.local.moto.responses import SageMakerResponse, SageMakerRuntimeResponse

url_bases = [
    r"https?://api\.sagemaker\.(.+)\.amazonaws\.com",
    r"https?://runtime\.sagemaker\.(.+)\.amazonaws\.com",
]

url_paths = {
    "{0}/$": SageMakerResponse.dispatch,
    "{0}/endpoints/(?P<name>[^/]+)/async-invocations$": SageMakerRuntimeResponse.dispatch,
    "{0}/endpoints/(?P<name>[^/]+)/invocations$": SageMakerRuntimeResponse.dispatch,
    "{0}/endpoints/(?P<name>[^/]+)/invocations-response-stream$": SageMakerRuntimeResponse.dispatch,
}
