// SPDX-License-Identifier: Apache-2.0

import A2ACore
