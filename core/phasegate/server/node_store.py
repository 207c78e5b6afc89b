"""The store as a node uses it: the one that the settings name, with secrets sealed."""

from __future__ import annotations

from ..errors import StartupError
from ..schema.tables import Schemas
from ..sealing import SealedStore, SecretFields, open_ring
from ..settings import Settings
from ..store.opening import open_store
from ..store.records import Store, StoreUnavailable

NONE = "none"


async def open_node_store(settings: Settings, schemas: Schemas) -> Store:
    """Return the store. Raise StartupError where it, or the key ring that opens its secrets, can't be used."""
    store = open_store(settings.store, settings.path.parent, last_good=settings.last_good_file)
    if settings.store == NONE:
        return store
    try:
        return SealedStore(store, await open_ring(settings.keyring, store), SecretFields(schemas))
    except StoreUnavailable as error:
        await store.close()
        raise StartupError(f"the store can't be used: {error}") from error
    except StartupError:
        await store.close()
        raise
