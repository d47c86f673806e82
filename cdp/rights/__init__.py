"""Rights: a person asks (열람, 정정·삭제, 처리정지, 전송요구).

Will own the requests of data subjects: verification of who asks, the plan over every
place that holds something of the person, access, rectification, erasure, restriction,
objection, and the deadlines of each jurisdiction.

Refuses: serving anything but a verified request, and handing data to a person by any
way but the gate. There is nothing here yet, so no request is served.
"""

__all__: list[str] = []
