"""Where files are: the bucket of `MERCATO_OBJECTS_URL`, or a folder of the state."""

from mercato.adapters.objects_folder import LocalFolder
from mercato.adapters.signed_links import SignedLinks
from mercato.app.settings import Settings
from mercato.platform import Clock, ObjectStore


def build_objects(settings: Settings, clock: Clock) -> ObjectStore:
    """The store of files of these settings."""
    place = settings.bucket
    if place is not None:
        from mercato.adapters.objects_s3 import Bucket, S3Objects  # 3 MB, which most marketplaces need not hold

        return S3Objects(Bucket(*place, settings.s3_endpoint, settings.s3_region))
    links = SignedLinks(settings.signing_key, clock)
    return LocalFolder(settings.state / "objects", links, settings.client_url)
