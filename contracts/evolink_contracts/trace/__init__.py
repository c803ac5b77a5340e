"""Traces: recorded calls and callback attempts, their JSON Lines format, and the history that they make up."""

from evolink_contracts.trace.events import Access as Access
from evolink_contracts.trace.events import Attempt as Attempt
from evolink_contracts.trace.events import Call as Call
from evolink_contracts.trace.events import Event as Event
from evolink_contracts.trace.events import Outcome as Outcome
from evolink_contracts.trace.events import Trace as Trace
from evolink_contracts.trace.header import Header as Header
from evolink_contracts.trace.json_lines import Recording as Recording
from evolink_contracts.trace.json_lines import read_recording as read_recording
from evolink_contracts.trace.json_lines import read_trace as read_trace
from evolink_contracts.trace.json_lines import write_trace as write_trace
