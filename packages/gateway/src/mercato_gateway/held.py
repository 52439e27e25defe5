"""What one call holds that others may be waiting for, and the one way to give it back."""

from mercato_gateway.admit import Hold
from mercato_gateway.catalog import Deployment
from mercato_gateway.connection import UpstreamConnection
from mercato_gateway.spool import Spool
from mercato_gateway.streamhold import StreamHold
from mercato_gateway.topup import TopUp


class Held:
    """Everything that a call must give back: room in the spool, its budget hold, its place at a deployment, its
    upstream connection, and requests for more units.

    A part that was used up or given back earlier is no longer here, so `release` may be called at any time, any number
    of times.
    """

    __slots__ = ("_spool", "connection", "hold", "place", "room", "stream_hold", "top_up")

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self.room = False  # for one usage event
        self.hold: Hold | None = None
        self.place: Deployment | None = None  # whose `inflight` counts this call
        self.connection: UpstreamConnection | None = None
        self.stream_hold: StreamHold | None = None
        self.top_up: TopUp | None = None

    def reserve_room(self) -> bool:
        """Reserves room for the usage event; false where the spool has none."""
        self.room = self._spool.reserve()
        return self.room

    def append_event(self, event: bytes, known: int, known_crc: int) -> None:
        """Puts the usage event into its room (see `Spool.append_event`)."""
        self.room = False
        self._spool.append_event(event, known, known_crc)

    def replace_hold(self, hold: Hold) -> None:
        """Holds this instead of what was held before."""
        if self.hold is not None:
            self.hold.release()
        self.hold = hold

    def enter(self, deployment: Deployment) -> None:
        """Takes a place at the deployment."""
        self.place = deployment
        deployment.inflight += 1

    def leave(self) -> None:
        """Gives the place at the deployment back."""
        if self.place is not None:
            self.place.inflight -= 1
            self.place = None

    def close_connection(self) -> None:
        """Closes the upstream connection in the middle of its response: no other call can use it."""
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()

    def stop_growing(self) -> None:
        """The stream ends: nothing more is requested for it."""
        if self.stream_hold is not None:
            self.stream_hold.stop()
            self.stream_hold = None

    def stop_top_up(self) -> None:
        """The call no longer waits for a top-up."""
        if self.top_up is not None:
            self.top_up.done = True
            self.top_up = None

    def release(self) -> None:
        """Gives back all that is left."""
        self.stop_growing()
        self.stop_top_up()
        self.close_connection()
        self.leave()
        if self.hold is not None:
            self.hold.release()
        if self.room:
            self.room = False
            self._spool.unreserve()
